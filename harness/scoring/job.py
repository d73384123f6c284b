"""Scores texts batch by batch, on every lane of the model, and checks a few of them alone."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from harness.batching import Budget, Plan, plan_batches
from harness.errors import HarnessError, ModelError
from harness.executors.lanes import Work, over_lanes
from harness.models.base import Encoded, OutOfMemory, RewardModel
from harness.progress import Progress
from harness.records import Score
from harness.scoring.encoded import EncodedTexts
from harness.scoring.table import ScoreTable
from harness.scoring.texts import DistinctTexts

SELF_CHECK_TEXTS = 8
# In float32 a neighbour may move a score by rounding only (docs/design.md 5.3).
_TOLERANCE = 1e-5
# Beyond this the engine is wrong, not rounding: refuse to report such numbers.
_BROKEN = 1e-3


@dataclass(frozen=True, slots=True)
class ScoringFacts:
    """What the manifest says of a scoring job."""

    plan: Mapping[str, Any]
    self_check: Mapping[str, Any]
    scored: int
    reused: int
    tokens_in: int


@dataclass(frozen=True, slots=True)
class _Batch:
    """Texts of one forward pass: their numbers, and what the model takes."""

    numbers: Sequence[int]
    items: Sequence[Encoded]


def score_texts(
    texts: DistinctTexts,
    model: RewardModel,
    *,
    budget: Budget,
    done: ScoreTable,
    write: Callable[[Sequence[Score]], None],
    progress: Progress,
    on_budget: Callable[[Budget], None] = lambda _: None,
    max_errors: int | None = None,
    scratch: Path | None = None,
) -> ScoringFacts:
    """Score what is not in `done` yet; `done` is filled, `write` gets every new line at once.

    The plan is made over all distinct texts, also those done, so that a resumed run cuts the
    same batches as an unbroken one. Out of memory halves the budget, says so through
    `on_budget` and goes on with what is left. Token ids that do not fit into memory wait in an
    unnamed file in `scratch`.
    """
    reused = int(done.done.sum())
    weights = _warm(model)
    with EncodedTexts(texts, model, scratch) as encoded:
        encoded.read(done, progress)
        weights()
        job = _Job(encoded, model, done, write, progress, max_errors)
        plan, budget = job.run(budget, on_budget)
        check = _self_check(plan, encoded, model, done, progress)
    tokens = int(encoded.lengths.sum())
    return ScoringFacts(_plan_facts(plan, budget), check, len(texts) - reused, reused, tokens)


class _Job:
    """The batches of a job, what becomes of their scores, and a budget that may shrink."""

    def __init__(
        self,
        encoded: EncodedTexts,
        model: RewardModel,
        done: ScoreTable,
        write: Callable[[Sequence[Score]], None],
        progress: Progress,
        max_errors: int | None,
    ) -> None:
        self.encoded, self.model, self.done = encoded, model, done
        self.write, self.progress, self.max_errors = write, progress, max_errors
        by_tokens = encoded.lengths.any()
        self._work = encoded.lengths if by_tokens else np.ones_like(encoded.lengths)
        self._unit = "tokens" if by_tokens else "texts"

    def run(self, budget: Budget, on_budget: Callable[[Budget], None]) -> tuple[Plan, Budget]:
        """Score everything; the plan and the budget of the end."""
        self.progress.start("scoring", int(self._work[~self.done.done].sum()), self._unit)
        while True:
            texts = self.encoded.texts
            plan = plan_batches(self.encoded.lengths, texts.ids, budget, texts.prompts)
            try:
                over_lanes(
                    self._batches(plan),
                    self.model,
                    _scorer(self.model),
                    self._settle,
                    notice=self.progress.notice,
                    wait_for=(OutOfMemory,),
                )
            except OutOfMemory:
                budget = _smaller(budget, self.model)
                self.progress.notice(
                    f"out of memory: going on with {budget.max_tokens:,} tokens a batch"
                )
                on_budget(budget)
            else:
                self.progress.finish()
                return plan, budget

    def _batches(self, plan: Plan) -> Iterator[_Batch]:
        for batch in plan.batches:
            numbers = [number for number in batch if not self.done.done[number]]
            if numbers:
                yield _Batch(numbers, self.encoded.items(numbers))

    def _settle(self, batch: _Batch, values: Sequence[float]) -> None:
        lines = [_line(item, value) for item, value in zip(batch.items, values, strict=True)]
        self.write(lines)
        self.done.put(batch.numbers, lines)
        self.progress.advance(int(self._work[list(batch.numbers)].sum()))
        failed = self.done.failed
        if self.max_errors is not None and failed >= max(1, self.max_errors):
            raise HarnessError(
                f"{failed} texts got no finite score; --max_errors {self.max_errors} reached"
            )


def _warm(model: RewardModel) -> Callable[[], None]:
    """Let the weights load while texts are tokenised; call what comes back to wait for them.

    A daemon, so that texts which are too long are refused at once and not after the loading.
    """
    failed: list[BaseException] = []

    def load() -> None:
        try:
            model.warm()
        except BaseException as error:  # raised where it is waited for
            failed.append(error)

    thread = threading.Thread(target=load, name="weights", daemon=True)
    thread.start()

    def wait() -> None:
        thread.join()
        if failed:
            raise failed[0]

    return wait


def _scorer(model: RewardModel) -> Work[_Batch, Sequence[float]]:
    def work(batch: _Batch, lane: int, give: Callable[[Sequence[float]], None]) -> None:
        give(model.score(batch.items, lane))

    return work


def _line(item: Encoded, value: float) -> Score:
    score = _float32(value)
    finite = math.isfinite(score)
    return Score(
        item.candidate.id,
        score if finite else None,
        item.n_tokens,
        item.truncated,
        None if finite else str(value),
    )


def _float32(value: float) -> float:
    with np.errstate(over="ignore"):  # beyond float32 is no finite score either
        return float(np.float32(value))


def _smaller(budget: Budget, model: RewardModel) -> Budget:
    if budget.max_tokens <= 1 or budget.max_texts == 1:
        raise ModelError(
            f"{model.name}: out of memory with one text at a time; use a larger device, "
            "--model_args device_map=auto, or --max_length with --truncate"
        )
    return budget.halved()


def _plan_facts(plan: Plan, budget: Budget) -> dict[str, Any]:
    return {
        "max_batch_tokens": budget.max_tokens,
        "max_batch_texts": budget.max_texts,
        "padded": budget.padded,
        "batches": len(plan.batches),
        "tokens": plan.real_tokens,
        "padding_share": round(plan.padding_share, 6),
        "sha256": plan.sha256,
    }


def _self_check(
    plan: Plan, encoded: EncodedTexts, model: RewardModel, done: ScoreTable, progress: Progress
) -> dict[str, Any]:
    """Score a few texts alone, spread over the plan, and compare with what the batches gave."""
    order = plan.order
    count = min(SELF_CHECK_TEXTS, len(order))
    places = (round(k * (len(order) - 1) / max(1, count - 1)) for k in range(count))
    picked = list(dict.fromkeys(int(order[place]) for place in places))
    differences: list[tuple[float, float]] = []

    def settle(batch: _Batch, values: Sequence[float]) -> None:
        batched, alone = float(done.value[batch.numbers[0]]), _float32(values[0])
        if math.isfinite(batched) and math.isfinite(alone):
            differences.append((abs(alone - batched), max(1.0, abs(alone))))

    singles = (_Batch([number], encoded.items([number])) for number in picked)
    over_lanes(singles, model, _scorer(model), settle, notice=progress.notice)
    largest = max((difference for difference, _ in differences), default=0.0)
    relative = max((difference / size for difference, size in differences), default=0.0)
    if model.facts().get("dtype") == "float32" and relative > _BROKEN:
        raise ModelError(
            f"{model.name}: a text scores {relative:.3g} otherwise alone than in a batch; "
            "such numbers are not reported (try --batch_size 1, and tell the authors)"
        )
    return {
        "texts": len(picked),
        "max_difference": largest,
        "max_relative_difference": relative,
        "within_float32_tolerance": relative <= _TOLERANCE,
    }
