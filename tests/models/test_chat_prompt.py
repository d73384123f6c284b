"""From messages to token ids and back: chat templates, system roles, thoughts, special tokens."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="needs the hf extra")
pytest.importorskip("transformers", reason="needs the hf extra")
from pathlib import Path  # noqa: E402

from tiny import TEMPLATE, byte_tokenizer, tiny_model  # noqa: E402

from harness.errors import ModelError, UsageError  # noqa: E402
from harness.models.base import ChatRequest, Completion, ModelSettings  # noqa: E402
from harness.models.chat.flight import Row  # noqa: E402
from harness.models.chat.model import open_chat  # noqa: E402
from harness.models.chat.output import AnswerReader  # noqa: E402
from harness.models.chat.prompt import ChatPrompt, merge_system  # noqa: E402
from harness.models.checkpoint import Checkpoint, open_checkpoint  # noqa: E402
from harness.records import Message  # noqa: E402
from harness.specs import Sampling  # noqa: E402

REFUSING = "{% if messages[0]['role'] == 'system' %}{{ raise_exception('no system') }}{% endif %}"
SILENT = TEMPLATE.replace("for m in messages", "for m in messages if m['role'] != 'system'")
THINKING = TEMPLATE.replace(
    "<|assistant|>\n{% endif",
    "<|assistant|>\n{{ '<think>\\n' if enable_thinking is not defined or enable_thinking else "
    "'<think>\\n\\n</think>\\n\\n' }}{% endif",
)
CHAT = (Message("system", "be fair"), Message("user", "hi"))


def prompt(template: str = TEMPLATE, **tokenizer: Any) -> ChatPrompt:
    return ChatPrompt(byte_tokenizer(template=template, **tokenizer), "somewhere")


def saved(folder: Path, template: str | None) -> Checkpoint:
    tiny_model("qwen2", "ForCausalLM").save_pretrained(folder)
    byte_tokenizer(template=template).save_pretrained(folder)
    return open_checkpoint(str(folder))


def asked(
    checkpoint: Checkpoint, sampling: Sampling, messages: tuple[Message, ...] = CHAT
) -> tuple[Completion, list[str], dict[str, Any]]:
    said: list[str] = []
    found: list[Completion] = []
    model = open_chat(checkpoint, ModelSettings(device="cpu"), {})
    for _ in range(2):
        requests = [ChatRequest(f"{n}", messages, n) for n in range(2)]
        model.answer(requests, sampling, lambda _, c: found.append(c), said.append)
    return found[0], said, dict(model.facts())


# prompts


@pytest.mark.parametrize("tokenizer", [{}, {"post_bos": True}, {"bos": False}])
def test_a_prompt_becomes_the_ids_that_transformers_makes_of_it(tokenizer: dict[str, Any]) -> None:
    chat = prompt(**tokenizer)
    plain = [{"role": message.role, "content": message.content} for message in CHAT]
    expected = chat.tokenizer.apply_chat_template(
        plain, add_generation_prompt=True, tokenize=True, return_dict=True
    )["input_ids"]
    ids = chat.ids([chat.render(CHAT, Sampling())])[0]
    assert ids == list(expected)
    assert ids.count(chat.tokenizer.bos_token_id) == (0 if "bos" in tokenizer else 1)


@pytest.mark.parametrize("template", [REFUSING + TEMPLATE, SILENT])
def test_a_system_text_the_template_will_not_take_stands_before_the_users(
    tmp_path: Path, template: str
) -> None:
    chat = prompt(template)
    merged = prompt().render([Message("user", "be fair\n\nhi")], Sampling())
    assert chat.merges_system and chat.render(CHAT, Sampling()) == merged
    _, said, facts = asked(saved(tmp_path, template), Sampling(max_tokens=1))
    assert facts["system_role"] == "merged"
    assert [message for message in said if "system" in message] == said and len(said) == 1


def test_a_system_message_stays_one_where_the_template_has_the_role(tmp_path: Path) -> None:
    assert "<|system|>\nbe fair<|end|>" in prompt().render(CHAT, Sampling())
    _, said, facts = asked(saved(tmp_path, TEMPLATE), Sampling(max_tokens=1))
    assert (facts["system_role"], said) == ("own", [])


def test_merging_keeps_the_order_of_a_longer_conversation() -> None:
    turns = [Message("assistant", "a"), Message("user", "u"), Message("user", "v")]
    assert merge_system([Message("system", "s"), *turns]) == [
        turns[0],
        Message("user", "s\n\nu"),
        turns[2],
    ]


def test_without_a_chat_template_the_way_out_is_named(tmp_path: Path) -> None:
    model = open_chat(saved(tmp_path, None), ModelSettings(device="cpu"), {})
    with pytest.raises(ModelError, match=r"no chat template.*chat_template\.jinja"):
        model.count(CHAT)


def test_a_template_that_prints_the_day_prints_the_same_one_always() -> None:
    dated = "{{ strftime_now('%d %b %Y') }} " + TEMPLATE
    assert prompt(dated).render(CHAT, Sampling()).startswith("26 Jul 2024 ")


def test_thinking_reaches_templates_that_know_it() -> None:
    chat = prompt(THINKING)
    assert chat.unknown(Sampling(thinking=True)) == []
    closed = chat.render(CHAT, Sampling(thinking=False))
    assert closed.endswith("</think>\n\n") and not chat.opened(closed)
    for thinking in (None, True):
        assert chat.opened(chat.render(CHAT, Sampling(thinking=thinking)))


def test_what_the_template_has_no_word_for_is_left_out_recorded_and_said_once(
    tmp_path: Path,
) -> None:
    sampling = Sampling(max_tokens=1, thinking=True, reasoning_effort="high")
    words = "{# reasoning_effort #}{{ 'thinking' }}"  # a comment and a string are no variables
    _, said, facts = asked(saved(tmp_path, words + TEMPLATE), sampling)
    assert facts["dropped_parameters"] == ["thinking", "reasoning_effort"]
    assert len(said) == 2


def test_reserved_are_special_tokens_and_added_ones_that_the_template_writes() -> None:
    chat = prompt("<turn>" + TEMPLATE)
    chat.tokenizer.add_tokens(["<turn>", "\n\n", "雨下得"])
    assert set(chat.reserved()) == {
        "<|pad|>", "<|bos|>", "<|end|>", "<|system|>", "<|user|>", "<|assistant|>", "<turn>",
    }  # fmt: skip


def test_truncation_has_no_meaning_for_a_chat_model(tmp_path: Path) -> None:
    checkpoint = saved(tmp_path, TEMPLATE)
    with pytest.raises(UsageError, match="--truncate left"):
        open_chat(checkpoint, ModelSettings(truncate="left"), {})


def test_code_of_a_checkpoints_own_runs_only_when_the_user_says_so(tmp_path: Path) -> None:
    own = {"model_type": "own", "auto_map": {"AutoModelForCausalLM": "own.Own"}}
    for config, message in (
        (own, "--trust_remote_code"),
        ({"model_type": "own"}, "no causal language model of model_type 'own'"),
        ({"model_type": "t5", "is_encoder_decoder": True}, "encoder-decoder"),
    ):
        with pytest.raises(ModelError, match=message):
            open_chat(Checkpoint(tmp_path, "own", None, config), ModelSettings(), {})


# answers


def reader(tags: Sequence[str] = (), stop: Sequence[str] = ()) -> AnswerReader:
    tokenizer = byte_tokenizer()
    tokenizer.add_special_tokens(
        {"additional_special_tokens": ["<|user|>", *tags]}, replace_extra_special_tokens=False
    )
    return AnswerReader(tokenizer, stop)


def completed(
    model: AnswerReader, text: str, reason: str = "stop", *, opened: bool = False
) -> tuple[Completion, list[int]]:
    ids = model.tokenizer(text, add_special_tokens=False)["input_ids"]
    row = Row(ChatRequest("a", (), 0), [1, 2, 3], 99, opened, list(ids))
    return model.completion(row, reason, None), list(ids)


@pytest.mark.parametrize("tags", [(), ("<think>", "</think>")])
def test_a_thought_is_kept_apart_even_where_its_tags_are_special_tokens(
    tags: tuple[str, ...],
) -> None:
    model = reader(tags)
    said, ids = completed(model, "<think>\nA or B?</think>\n\n[[A]]<|end|>")
    assert (said.reasoning, said.text) == ("A or B?", "[[A]]")
    answer = model.tokenizer("[[A]]<|end|>", add_special_tokens=False)["input_ids"]
    assert said.tokens_reasoning == len(ids) - len(answer)
    assert (said.tokens_in, said.tokens_out) == (3, len(ids))


def test_a_thought_that_the_prompt_began_needs_no_open_tag() -> None:
    said, _ = completed(reader(), "A or B?</think>[[B]]", opened=True)
    assert (said.reasoning, said.text) == ("A or B?", "[[B]]")
    said, ids = completed(reader(), "A, no, B, no", "length", opened=True)
    assert (said.reasoning, said.text, said.tokens_reasoning) == ("A, no, B, no", "", len(ids))


def test_special_tokens_are_no_part_of_an_answer() -> None:
    assert completed(reader(), "so<|user|> it is<|end|>")[0].text == "so it is"


def test_the_end_tokens_count_as_tokens_and_not_as_text() -> None:
    tokenizer = byte_tokenizer()
    (end,) = tokenizer("!", add_special_tokens=False)["input_ids"]
    said, ids = completed(AnswerReader(tokenizer, (), frozenset({end})), "[[A]]!")
    assert (said.text, said.tokens_out) == ("[[A]]", len(ids))


def test_a_character_cut_in_two_at_the_end_is_left_out() -> None:
    model = reader()
    ids = model.tokenizer("好飆", add_special_tokens=False)["input_ids"]
    row = Row(ChatRequest("a", (), 0), [1], 99, False, list(ids[:-1]))
    assert model.completion(row, "length", None).text == "好"


def test_a_stop_string_is_found_as_soon_as_it_is_there() -> None:
    model = reader(stop=("。结束", "never"))
    ids = model.tokenizer("一封一封。结束。", add_special_tokens=False)["input_ids"]
    seen = [model.stopped(ids[: n + 1]) for n in range(len(ids))]
    first = seen.index(True)
    assert "。结束" in model.text(ids[: first + 1]) and "。结束" not in model.text(ids[:first])
    assert completed(model, "一封一封。结束。")[0].text == "一封一封"
