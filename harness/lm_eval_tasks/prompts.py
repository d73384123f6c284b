"""Writing for lm-eval: the prompts of a task, and what is measured on what was written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.data import load_prompts
from harness.lm_eval_tasks.rendering import open_tokenizer
from harness.lm_eval_tasks.settings import (
    LM_EVAL,
    PREFIX,
    Settings,
    limit_rank,
    read_settings,
    refuse_second_template,
    say,
    with_way_out,
)
from harness.metrics.measures import measure
from harness.models.chat.prompt import ChatPrompt
from harness.reasoning import split_reasoning
from harness.records import Message, Prompt, Text
from harness.spec_files import load_any
from harness.specs import Sampling, WritingSpec

if TYPE_CHECKING:
    from datasets import DatasetDict

    from harness.records import Measures

# by the name in lm-eval's table; what needs all texts of a run or a finish reason is not known here
_SHARES = {
    "wrong_language": "wrong_language",
    "repetition": "runaway",
    "empty_share": "empty",
    "refusal_share": "refusal",
}
_MEANS = ("ttr", "mattr50", "mtld", "hdd42", "distinct2", "chars", "words", "seq_rep8")
METRICS = (*_MEANS, *_SHARES)


def load(*, task: str, **metadata: Any) -> DatasetDict:
    """The prompts of a writing task, in the order of `harness run --limit`.

    `task` stands in the YAML; lm-eval adds the model's arguments and --metadata
    (`read_settings`). HarnessError where data or checkpoint do not hold.
    """
    from datasets import Dataset, DatasetDict

    settings = read_settings(task, metadata)
    spec = load_any("tasks", task, (WritingSpec,), "task")
    assert isinstance(spec, WritingSpec)
    prompts = _prompts(spec, settings.file)
    contexts = _contexts([_messages(prompt, spec) for prompt in prompts], settings)
    rows = [
        {
            "prompt_id": prompt.prompt_id,
            "tag": prompt.tag,
            "genre": prompt.genre,
            "language": prompt.language,
            "prompt": prompt.prompt,
            "context": context,
            "opened": opened,
        }
        for prompt, (context, opened) in zip(prompts, contexts, strict=True)
    ]
    return DatasetDict({"test": Dataset.from_list(rows)})


def process_results(doc: Mapping[str, Any], results: Sequence[Any]) -> dict[str, float]:
    """What is measured on one text, as in measures.jsonl (docs/design.md 5.15).

    Measures that the text is too short for are left out. A thought before the answer is no part
    of it.
    """
    written = results[0][0] if isinstance(results[0], list) else results[0]
    one = _measured(doc, split_reasoning(str(written), opened=doc["opened"])[1])
    found = {name: getattr(one, name) for name in _MEANS}
    found |= {name: getattr(one, field) for name, field in _SHARES.items()}
    return {name: float(value) for name, value in found.items() if value is not None}


def _measured(doc: Mapping[str, Any], answer: str) -> Measures:
    text = Text(doc["prompt_id"], doc["tag"], doc["genre"], doc["language"], answer)
    [one] = measure([text], {text.prompt_id: doc["prompt"]}, segmenter="jieba")
    return one


def _prompts(spec: WritingSpec, file: Path | None) -> tuple[Prompt, ...]:
    with with_way_out(spec.name):
        data = load_prompts(spec, file=file)
    for notice in data.notices:
        say(f"{PREFIX}{spec.name}: {notice}")
    return tuple(sorted(data.prompts, key=lambda prompt: limit_rank(prompt.prompt_id)))


def _messages(prompt: Prompt, spec: WritingSpec) -> list[Message]:
    system = [] if spec.system is None else [Message("system", spec.system)]
    return [*system, Message("user", prompt.prompt)]


def _contexts(asked: Sequence[list[Message]], settings: Settings) -> list[tuple[str, bool]]:
    """What the model goes on from, and whether a thought is open there already."""
    bare = [("\n\n".join(message.content for message in messages), False) for messages in asked]
    if settings.render == LM_EVAL or settings.checkpoint is None:
        return bare
    checkpoint, tokenizer = open_tokenizer(
        settings.checkpoint, settings.revision, settings.trust_remote_code
    )
    if not tokenizer.chat_template:
        say(f"{checkpoint.path} has no chat template: prompts go to it as they are")
        return bare
    refuse_second_template()
    chat = ChatPrompt(tokenizer, str(checkpoint.path))
    rendered = [chat.render(messages, Sampling()) for messages in asked]
    _warn_of_bos(tokenizer, rendered[0])
    return [(context, chat.opened(context)) for context in rendered]


def _warn_of_bos(tokenizer: Any, context: str) -> None:
    own = tokenizer(context, add_special_tokens=False)["input_ids"]
    if (
        not context.startswith(tokenizer.bos_token or "\0")
        and own != tokenizer(context)["input_ids"]
    ):
        say(
            "lm-eval puts a BOS before prompts whose chat template has none; "
            "add_bos_token=False in --model_args leaves it out"
        )
