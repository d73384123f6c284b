"""The scoring job with models that misbehave: no memory, no number, neighbours that matter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from threading import Lock
from time import sleep
from typing import Any

import numpy as np
import pytest

from harness.batching import Budget
from harness.errors import HarnessError, ModelError, TextsTooLong
from harness.models.base import Encoded, OutOfMemory, WorkerLost
from harness.models.fit import fit
from harness.progress import Silent
from harness.records import Candidate, Pair, Score, Side, candidate
from harness.scoring import ScoreTable, distinct_texts, score_texts, verdicts_from_scores


class Scripted:
    """Scores a text by its length, or as told; may run out of memory or mind its neighbours."""

    name, backend, device = "scripted", "test", "cpu"
    lanes = 1

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

    def warm(self) -> None:
        pass

    def score(self, batch: Sequence[Encoded], lane: int = 0) -> list[float]:
        if sum(item.n_tokens for item in batch) > self.memory:
            raise OutOfMemory
        self.calls.append([item.candidate.text for item in batch])
        return [
            self.special.get(item.candidate.text, float(item.n_tokens))
            + self.leak * (len(batch) - 1)
            for item in batch
        ]


def pair(number: int, chosen: str, rejected: str, prompt: str = "p") -> Pair:
    sides = (Side(chosen, None, None), Side(rejected, None, None))
    return Pair(str(number), prompt, prompt, "t", "g", "en", *sides, number)


def some(texts: Sequence[str]) -> list[Pair]:
    """Pairs in which each of the texts stands."""
    return [pair(number, text, texts[number - 1]) for number, text in enumerate(texts)]


HUNDRED = Budget(100)


def job(model: Any, texts: Sequence[str], budget: Budget = HUNDRED, **options: Any) -> Any:
    found = distinct_texts(some(texts))
    done = ScoreTable(len(found))
    done.read(found, options.pop("done", []))
    written: list[Score] = []
    notices: list[str] = []

    class Listener(Silent):
        def notice(self, message: str) -> None:
            notices.append(message)

    facts = score_texts(
        found,
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
    second = Scripted()
    facts, more, _ = job(second, TEXTS, done=written[:20])
    assert {score.id for score in more} == {score.id for score in written[20:]}
    assert facts.reused == 20
    assert facts.scored == 9


def test_a_score_that_is_no_number_is_null_and_its_pair_an_error() -> None:
    model = Scripted(special={"bad": float("nan"), "huge": 1e39})
    _, written, _ = job(model, ["good text", "bad", "huge"])
    assert sorted((score.score is None) for score in written) == [False, True, True]
    assert outcomes([pair(1, "good text", "bad")], written) == [
        ("error", None, "no finite score for rejected")
    ]


def outcomes(pairs: Sequence[Pair], written: Sequence[Score], **before: int) -> list[Any]:
    texts = distinct_texts(pairs)
    table = ScoreTable(len(texts))
    table.read(texts, written)
    attempts = {(pair_id, None, 0): n for pair_id, n in before.items()}
    verdicts = list(verdicts_from_scores(texts, table, attempts))  # type: ignore[arg-type]
    assert all(verdict.order is None for verdict in verdicts)
    if before:
        assert [v.attempt for v in verdicts] == [before.get(v.pair_id, 0) + 1 for v in verdicts]
    return [(v.outcome, v.margin, v.reason) for v in verdicts]


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
    _, written, _ = job(Scripted(), ["aaa", "bb", "cc"])
    pairs = [pair(1, "aaa", "bb"), pair(2, "bb", "aaa"), pair(3, "bb", "cc")]
    assert outcomes(pairs, written, **{"1": 1}) == [
        ("chosen", 1.0, None), ("rejected", -1.0, None), ("tie", 0.0, None)
    ]  # fmt: skip


def test_equal_texts_of_one_prompt_are_scored_once() -> None:
    pairs = [pair(1, "same", "other"), pair(2, "same", "other"), pair(3, "same", "x", prompt="q")]
    texts = distinct_texts(pairs)
    assert [one.text for one in texts.candidates(range(len(texts)))] == [
        "same",
        "other",
        "same",
        "x",
    ]
    assert texts.of_pairs.tolist() == [[0, 1], [0, 1], [2, 3]]
    wanted = [candidate(pairs[0], pairs[0].chosen), candidate(pairs[2], pairs[2].chosen)]
    assert [texts.candidates([number])[0] for number in (0, 2)] == wanted


def test_token_ids_that_do_not_fit_into_memory_come_back_from_a_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    class Ids(Scripted):
        def encode(self, candidates: Sequence[Candidate]) -> list[Encoded]:
            rows = [np.arange(len(one.text), dtype=np.int32) for one in candidates]
            return [
                Encoded(one, (row, row[::-1]), (0, 1), len(row))
                for one, row in zip(candidates, rows, strict=True)
            ]

        def score(self, batch: Sequence[Encoded], lane: int = 0) -> list[float]:
            for item in batch:
                assert item.ids[0].tolist() == list(range(len(item.candidate.text)))
                assert item.ids[1].tolist() == item.ids[0].tolist()[::-1]
                assert item.starts == (0, 1)
            return super().score(batch)

    monkeypatch.setattr("harness.scoring.encoded._IN_MEMORY", 100)
    _, written, _ = job(Ids(), TEXTS, scratch=tmp_path)
    assert sorted(score.score for score in written) == [float(n) for n in range(1, 30)]
    assert list(tmp_path.iterdir()) == []  # it never had a name


class ManyLanes(Scripted):
    """Several lanes, of which one may die as often as told."""

    lanes = 3

    def __init__(self, deaths: int = 0, **options: Any) -> None:
        super().__init__(**options)
        self.deaths, self.lock, self.used = deaths, Lock(), set[int]()
        self.readied: list[int] = []

    def ready(self, lane: int) -> None:
        self.readied.append(lane)

    def score(self, batch: Sequence[Encoded], lane: int = 0) -> list[float]:
        sleep(0.002)  # so that every lane gets its share
        with self.lock:
            self.used.add(lane)
            if lane == 1 and self.deaths:
                self.deaths -= 1
                raise WorkerLost("killed")
            return super().score(batch)


def test_all_lanes_score_and_every_text_is_scored_once() -> None:
    model = ManyLanes()
    _, written, _ = job(model, TEXTS)
    assert sorted(score.score for score in written) == [float(n) for n in range(1, 30)]
    assert model.used == {0, 1, 2}


def test_a_worker_that_dies_is_replaced_and_its_batch_done_again() -> None:
    model = ManyLanes(deaths=1)
    _, written, notices = job(model, TEXTS)
    assert sorted(score.score for score in written) == [float(n) for n in range(1, 30)]
    assert sorted(model.readied)[:5] == [0, 0, 1, 1, 1]  # before, after its death, and at the check
    assert "worker 1 is lost (killed)" in notices[0]


def test_a_worker_that_dies_again_and_again_ends_the_job() -> None:
    class Fragile(ManyLanes):
        def ready(self, lane: int) -> None:
            if lane == 1 and not self.deaths:
                raise WorkerLost("killed on loading")

    with pytest.raises(ModelError, match="worker 1 died 3 times"):
        job(Fragile(deaths=1), ["a" * n for n in range(1, 400)], Budget(1))


def test_out_of_memory_on_one_lane_keeps_what_the_others_were_scoring() -> None:
    model = ManyLanes(memory=40)
    _, written, notices = job(model, TEXTS, Budget(200))
    assert sorted(score.score for score in written) == [float(n) for n in range(1, 30)]
    assert "out of memory" in notices[0]


def test_texts_that_are_too_long_are_refused_without_waiting_for_the_weights() -> None:
    class Slow(Scripted):
        loaded = False

        def warm(self) -> None:
            sleep(1)
            self.loaded = True

        def encode(self, candidates: Sequence[Candidate]) -> list[Encoded]:
            long = [one for one in candidates if len(one.text) > 25]
            if long:
                raise TextsTooLong(
                    ids=tuple(one.id for one in long), of=len(candidates), limit=25,
                    longest=max(len(one.text) for one in long), begins="a",
                )  # fmt: skip
            return super().encode(candidates)

    model = Slow()
    with pytest.raises(TextsTooLong, match="4 of 29 texts are longer than the model's 25"):
        job(model, TEXTS)
    assert not model.loaded


def test_too_long_texts_of_every_chunk_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    class Short(Scripted):
        def encode(self, candidates: Sequence[Candidate]) -> list[Encoded]:
            encoded = super().encode(candidates)
            return fit(encoded, 20, "error", bos=None)

    monkeypatch.setattr("harness.scoring.encoded._CHUNK", 4)
    with pytest.raises(TextsTooLong, match=r"9 of 29 texts .* \(the longest has 29;") as error:
        job(Short(), TEXTS)
    assert len(error.value.ids) == 9


def test_what_a_lane_raises_ends_the_job_and_keeps_what_was_scored() -> None:
    class Broken(ManyLanes):
        def score(self, batch: Sequence[Encoded], lane: int = 0) -> list[float]:
            if batch[0].n_tokens == 5:
                raise ModelError("broken")
            return super().score(batch, lane)

    written: list[Score] = []
    found = distinct_texts(some(TEXTS))
    with pytest.raises(ModelError, match="broken"):
        score_texts(
            found, Broken(), budget=Budget(10), done=ScoreTable(len(found)),
            write=written.extend, progress=Silent(),
        )  # fmt: skip
    assert len(written) >= 20
