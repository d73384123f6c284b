"""The fake chat model: answers by rule, fails by a share, and the same on every call."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from harness.errors import UsageError
from harness.models.base import ChatModel, ChatRequest, Completion, ModelRef, ModelSettings
from harness.models.fake import open_fake
from harness.records import Message
from harness.specs import Sampling

CHOICES = ("[[A]]", "[[B]]", "[[C]]")


def fake(what: str, **options: str) -> ChatModel:
    return open_fake(ModelRef("fake", what, options), ModelSettings())


def request(number: int, seed: int = 0, choices: tuple[str, ...] = CHOICES) -> ChatRequest:
    return ChatRequest(str(number), (Message("user", f"text {number}"),), seed, choices)


def answers(model: ChatModel, requests: Sequence[ChatRequest]) -> list[Completion]:
    found: dict[str, Completion] = {}
    model.answer(requests, Sampling(), lambda r, c: found.__setitem__(r.key, c), print)
    return [found[r.key] for r in requests]


@pytest.mark.parametrize(("what", "choice"), [("first", "[[A]]"), ("last", "[[C]]")])
def test_first_and_last_answer_a_sentence_that_ends_with_that_choice(
    what: str, choice: str
) -> None:
    (answer,) = answers(fake(what), [request(1)])
    assert answer.text.endswith(choice) and len(answer.text) > len(choice) + 10
    assert answer.finish_reason == "stop" and answer.error is None


def test_hash_depends_on_messages_and_seed_and_on_nothing_else() -> None:
    requests = [request(n) for n in range(60)]
    once = answers(fake("hash"), requests)
    assert answers(fake("hash"), requests[::-1]) == once[::-1]
    assert {a.text[-5:] for a in once} == set(CHOICES)
    reseeded = answers(fake("hash"), [request(n, seed=1) for n in range(60)])
    assert reseeded != once


def test_a_share_of_calls_fails_and_a_share_of_answers_cannot_be_read() -> None:
    requests = [request(n) for n in range(2000)]
    found = answers(fake("first", errors="0.1", unparsed="0.2"), requests)
    errors = [answer for answer in found if answer.error is not None]
    unread = [a for a in found if a.error is None and not a.text.endswith("[[A]]")]
    assert len(errors) == pytest.approx(200, abs=45)
    assert len(unread) == pytest.approx(0.2 * 1800, abs=60)
    assert all(answer.text == "" and answer.finish_reason is None for answer in errors)
    assert not any(choice in answer.text for answer in unread for choice in CHOICES)
    assert answers(fake("first", errors="0.1", unparsed="0.2"), requests) == found


def test_without_choices_it_answers_all_the_same() -> None:
    (answer,) = answers(fake("last"), [request(1, choices=())])
    assert answer.text and answer.error is None


def test_facts_count_the_calls_of_all_attempts() -> None:
    model = fake("first", family="qwen", name="mine")
    answers(model, [request(1), request(2)])
    again = fake("first")
    again.resume(model.facts())
    answers(again, [request(3)])
    assert (model.name, model.facts()["family"], again.facts()["calls"]) == ("mine", "qwen", 3)


def test_it_is_a_chat_model() -> None:
    model = fake("first")
    assert isinstance(model, ChatModel) and model.judge() is None and model.reserved() == ()
    assert model.count([Message("user", "a prompt of some words")]) > 0


@pytest.mark.parametrize(
    ("what", "options", "message"),
    [
        ("frist", {}, "did you mean 'first'"),
        ("first", {"errors": "2"}, "errors=2"),
        ("first", {"unparsed": "some"}, "unparsed=some"),
        ("first", {"erors": "0"}, "did you mean 'errors'"),
    ],
)
def test_wrong_use_is_named(what: str, options: dict[str, str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        fake(what, **options)


def test_identity_tells_fakes_apart() -> None:
    kinds = [fake("first"), fake("last"), fake("first", errors="0.1"), fake("first", name="x")]
    first, last, failing, named = [dict(model.identity()) for model in kinds]
    assert first == named and first != last and first != failing
