"""The scoring job with models that misbehave: no memory, no number, neighbours that matter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from harness.batching import Budget
from harness.errors import HarnessError, ModelError
from harness.models.base import Encoded, OutOfMemory
from harness.progress import Silent
from harness.records import Candidate, Pair, Score, Side, candidate, short_id
from harness.scoring import distinct_candidates, score_candidates, verdicts_from_scores


class Scripted:
    """Scores a text by its length, or as told; may run out of memory or mind its neighbours."""

    name, backend, device = "scripted", "test", "cpu"

    def __init__(
        self, *, memory: int = 10**9, special: Mapping[str, float] | None = None, leak: float = 0.0
    ) -> None:
        self.memory, self.special, self.leak = memory, special or {}, leak
        self.calls: list[list[str]] = []

    def identity(self) -> Mapping[str, Any]:
        return {}

    def judge(self) -> None:
        return None

    def facts(self) -> Mapping[str, Any]:
        return {"dtype": "float32"}

    def encode(self, candidates: Sequence[Candidate]) -> list[Encoded]:
        return [Encoded(one, n_tokens=len(one.text)) for one in candidates]

    def budget(self, *, max_tokens: int | None, max_texts: int | None) -> Budget:
        return Budget(max_tokens or 100, max_texts)

    def score(self, batch: Sequence[Encoded]) -> list[float]:
        if sum(item.n_tokens for item in batch) > self.memory:
            raise OutOfMemory
        self.calls.append([item.candidate.text for item in batch])
        return [
            self.special.get(item.candidate.text, float(item.n_tokens))
            + self.leak * (len(batch) - 1)
            for item in batch
        ]


def some(texts: Sequence[str]) -> list[Candidate]:
    return [Candidate(short_id("en", "p", text), "en", "p", text) for text in texts]


HUNDRED = Budget(100)


def job(model: Any, texts: Sequence[str], budget: Budget = HUNDRED, **options: Any) -> Any:
    done: dict[str, Score] = options.pop("done", {})
    written: list[Score] = []
    notices: list[str] = []

    class Listener(Silent):
        def notice(self, message: str) -> None:
            notices.append(message)

    facts = score_candidates(
        some(texts),
        model,
        budget=budget,
        done=done,
        write=written.extend,
        progress=Listener(),
        **options,
    )
    return facts, written, notices


TEXTS = ["a" * n for n in range(1, 30)]


def test_out_of_memory_halves_the_budget_says_so_and_scores_everything_once() -> None:
    model = Scripted(memory=40)
    budgets: list[Budget] = []
    facts, written, notices = job(model, TEXTS, Budget(200), on_budget=budgets.append)
    assert sorted(score.score for score in written) == [float(n) for n in range(1, 30)]
    assert [budget.max_tokens for budget in budgets] == [100, 50, 25]
    assert "out of memory" in notices[0]
    assert facts.plan["max_batch_tokens"] == 25


def test_a_text_that_never_fits_ends_with_advice() -> None:
    with pytest.raises(ModelError, match="one text at a time"):
        job(Scripted(memory=10), TEXTS)


def test_what_is_done_is_not_scored_again() -> None:
    first = Scripted()
    _, written, _ = job(first, TEXTS)
    done = {score.id: score for score in written[:20]}
    second = Scripted()
    facts, more, _ = job(second, TEXTS, done=done)
    assert {score.id for score in more} == {score.id for score in written[20:]}
    assert facts.reused == 20
    assert facts.scored == 9


def test_a_score_that_is_no_number_is_null_and_its_pair_an_error() -> None:
    model = Scripted(special={"bad": float("nan"), "huge": 1e39})
    _, written, _ = job(model, ["good text", "bad", "huge"])
    scores = {score.id: score for score in written}
    assert sorted((score.score is None) for score in written) == [False, True, True]
    side = {text: Side(text, None, None) for text in ("good text", "bad", "huge")}
    pair = Pair("1", "p", "p", "t", "g", "en", side["good text"], side["bad"], 1)
    [verdict] = verdicts_from_scores([pair], scores, {})
    assert verdict.outcome == "error"
    assert verdict.margin is None
    assert verdict.reason == "no finite score for rejected"


def test_too_many_errors_stop_the_job() -> None:
    model = Scripted(special={text: float("inf") for text in TEXTS})
    with pytest.raises(HarnessError, match="--max_errors 3"):
        job(model, TEXTS, Budget(30), max_errors=3)


def test_the_self_check_finds_scores_that_depend_on_neighbours() -> None:
    facts, _, _ = job(Scripted(leak=1e-6), TEXTS)
    assert 0 < facts.self_check["max_difference"] < 1e-4
    with pytest.raises(ModelError, match="alone than in a batch"):
        job(Scripted(leak=0.5), TEXTS)


def test_outcomes_follow_the_margin() -> None:
    sides = [Side(text, None, None) for text in ("aaa", "bb", "cc")]

    def pair(number: int, chosen: Side, rejected: Side) -> Pair:
        return Pair(str(number), "p", "p", "t", "g", "en", chosen, rejected, number)

    pairs = [pair(1, sides[0], sides[1]), pair(2, sides[1], sides[0]), pair(3, sides[1], sides[2])]
    _, written, _ = job(Scripted(), [side.response for side in sides])
    verdicts = verdicts_from_scores(pairs, {s.id: s for s in written}, {("1", None, 0): 1})
    assert [(v.outcome, v.margin, v.order) for v in verdicts] == [
        ("chosen", 1.0, None), ("rejected", -1.0, None), ("tie", 0.0, None)
    ]  # fmt: skip
    assert [v.attempt for v in verdicts] == [2, 1, 1]


def test_equal_texts_of_one_prompt_are_scored_once() -> None:
    same, other = Side("same", None, None), Side("other", None, None)
    pairs = [Pair(str(i), "p", "p", "t", "g", "en", same, other, i) for i in (1, 2)]
    assert [one.text for one in distinct_candidates(pairs)] == ["same", "other"]
    elsewhere = Pair("3", "q", "another prompt", "t", "g", "en", same, other, 3)
    assert candidate(elsewhere, same).id != candidate(pairs[0], same).id
