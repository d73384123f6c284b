"""What is learnt of a row: the thought and the answer and the end of the turn, nothing before."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("torch", reason="needs the extra hf")
pytest.importorskip("transformers", reason="needs the extra hf")
from tiny import TEMPLATE, byte_tokenizer

from harness.errors import ModelError
from harness.reasoning import split_reasoning
from harness.records import Triplet, triplet_id
from harness.specs import Target
from harness.training.targets import IGNORED, Targets

# the forms of the families: Qwen's, with a system message of its own; Llama 3's headers;
# Mistral's brackets, whose turn ends with the end-of-sequence token; one that drops thoughts from
# an answer; one that opens the thought itself
CHATML = (
    "{% if messages[0]['role'] != 'system' %}<|system|>\nYou help.<|end|>\n{% endif %}"
    "{% for m in messages %}<|{{ m['role'] }}|>\n{{ m['content'] }}<|end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>\n{% endif %}"
)
HEADERS = (
    "{{ bos_token }}{% for m in messages %}<|{{ m['role'] }}|>\n\n{{ m['content'] | trim }}<|end|>"
    "{% endfor %}{% if add_generation_prompt %}<|assistant|>\n\n{% endif %}"
)
BRACKETS = (
    "{{ bos_token }}{% for m in messages %}{% if m['role'] == 'user' %}[INST] {{ m['content'] }} "
    "[/INST]{% else %}{{ m['content'] }}{{ eos_token }}{% endif %}{% endfor %}"
)
DROPS = (
    "{% for m in messages %}<|{{ m['role'] }}|>\n{{ m['content'].split('</think>')[-1] }}<|end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|assistant|>\n{% endif %}"
)
OPENS = TEMPLATE.replace("<|assistant|>\n{% endif", "<|assistant|>\n<think>\n{% endif")
TEMPLATES = {
    "plain": TEMPLATE, "chatml": CHATML, "headers": HEADERS, "brackets": BRACKETS, "drops": DROPS,
}  # fmt: skip
QUERY, THOUGHT, ANSWER = (
    "写一首关于雨的诗。",
    "先想雨，再想旧信。\n不要押韵。",
    "\n雨下得像旧信，\n一封一封。 ",
)


def row(thought: str | None = THOUGHT, answer: str = ANSWER, query: str = QUERY) -> Triplet:
    return Triplet(triplet_id(query, thought, answer), query, thought, answer, 7)


def targets(template: str = TEMPLATE, max_length: int = 4096, **target: Any) -> Targets:
    tokenizer = byte_tokenizer(template=template)
    return Targets(tokenizer, Target(**target), "somewhere", max_length)


def read(made: Targets, triplet: Triplet) -> tuple[str, str]:
    """What is masked, and what is learnt, as text."""
    example = made.example(triplet)
    labels = example.labels()
    assert len(labels) == len(example.ids)
    tokenizer = made.prompt.tokenizer
    learnt = [label for label in labels if label != IGNORED]
    masked = [token for token, label in zip(example.ids, labels, strict=True) if label == IGNORED]
    return tokenizer.decode(masked), tokenizer.decode(learnt)


@pytest.mark.parametrize("name", TEMPLATES)
def test_the_query_is_masked_and_thought_answer_and_end_of_turn_are_learnt(name: str) -> None:
    made = targets(TEMPLATES[name])
    masked, learnt = read(made, row())
    assert learnt == f"<think>\n{THOUGHT}\n</think>\n\n{ANSWER}<|end|>"
    assert QUERY in masked and "旧信" not in masked and masked != "<|end|>"
    assert split_reasoning(learnt.removesuffix("<|end|>"))[0] == THOUGHT


@pytest.mark.parametrize("name", ["plain", "chatml", "brackets"])
def test_the_tokens_are_those_of_the_chat_template(name: str) -> None:
    made = targets(TEMPLATES[name])
    answer = f"<think>\n{THOUGHT}\n</think>\n\n{ANSWER}"
    chat = [{"role": "user", "content": QUERY}, {"role": "assistant", "content": answer}]
    whole = made.prompt.tokenizer.apply_chat_template(chat, tokenize=True)["input_ids"]
    assert made.example(row()).ids.tolist() == whole


@pytest.mark.parametrize("name", TEMPLATES)
def test_the_masked_part_is_what_a_run_asks_the_model_with(name: str) -> None:
    made = targets(TEMPLATES[name])
    example = made.example(row())
    chat = [{"role": "user", "content": QUERY}]
    asked = made.prompt.tokenizer.apply_chat_template(
        chat, tokenize=True, add_generation_prompt=True
    )["input_ids"]
    assert example.ids[: example.start].tolist() == asked


def test_answers_alone_are_learnt_where_the_target_says_so() -> None:
    assert read(targets(thought=False), row())[1] == f"{ANSWER}<|end|>"
    assert read(targets(), row(thought=None))[1] == f"{ANSWER}<|end|>"


def test_the_tag_is_a_setting_and_an_unknown_one_is_told() -> None:
    made = targets(tag="plan")
    assert read(made, row())[1] == f"<plan>\n{THOUGHT}\n</plan>\n\n{ANSWER}<|end|>"
    assert "harness run" in made.notices[0]
    assert targets(tag="thinking").notices == ()


def test_a_template_that_opens_the_thought_is_gone_on_with() -> None:
    made = targets(OPENS)
    masked, learnt = read(made, row())
    assert masked.endswith("<|assistant|>\n<think>\n\n") and made.opened  # and the line break
    assert learnt == f"{THOUGHT}\n</think>\n\n{ANSWER}<|end|>"
    assert read(made, row(thought=None))[1] == f"\n</think>\n\n{ANSWER}<|end|>"


def test_a_system_message_stands_before_the_query() -> None:
    masked, _ = read(targets(CHATML, system="Write."), row())
    assert "Write." in masked and "You help." not in masked


def test_what_the_template_writes_behind_the_end_of_turn_is_kept_and_not_learnt() -> None:
    example = targets(CHATML).example(row())
    assert example.end == len(example.ids) - 1 and example.labels()[-1] == IGNORED
    bare = targets(BRACKETS).example(row())
    assert bare.end == len(bare.ids)


def test_a_row_is_cut_at_the_maximum_and_its_whole_length_is_known() -> None:
    made = targets(max_length=60)
    example = made.example(row())
    assert len(example.ids) == example.end == 60 and example.n_tokens > 60
    assert made.n_tokens(row()) == targets().n_tokens(row())
    assert example.ids.tolist() == targets().example(row()).ids[:60].tolist()


def test_of_a_query_that_fills_the_maximum_nothing_is_learnt() -> None:
    assert not targets(max_length=20).learns(row())
    assert targets(max_length=60).learns(row())


def test_a_tokenizer_without_a_chat_template_is_refused() -> None:
    with pytest.raises(ModelError, match="no chat template"):
        Targets(byte_tokenizer(template=None), Target(), "somewhere", 100)


def test_an_answer_that_begins_with_a_line_break_is_tokenised_as_the_model_meets_it() -> None:
    # "\n" and "\n" may be one token; the prompt's own tokens stay as they are when asked
    made = targets(HEADERS, thought=False)
    example = made.example(row(answer="\n\n雨"))
    tokenizer = made.prompt.tokenizer
    assert tokenizer.decode(example.ids[example.start : example.end]) == "\n\n雨<|end|>"
