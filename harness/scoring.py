"""The scoring job: distinct texts in, one finite score each out, whatever the batch."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from harness.batching import Budget, Plan, plan_batches
from harness.errors import HarnessError, ModelError
from harness.models.base import Encoded, OutOfMemory, RewardModel
from harness.progress import Progress
from harness.records import Candidate, Pair, Score, Verdict, VerdictKey, candidate
from harness.verdicts import outcome_of_margin

SELF_CHECK_TEXTS = 8
# In float32 a neighbour may move a score by rounding only (docs/design.md 5.3).
_TOLERANCE = 1e-5
# Beyond this the engine is wrong, not rounding: refuse to report such numbers.
_BROKEN = 1e-3


def distinct_candidates(pairs: Sequence[Pair]) -> list[Candidate]:
    """Every text to score once, in order of first appearance."""
    found: dict[str, Candidate] = {}
    for pair in pairs:
        for side in (pair.chosen, pair.rejected):
            one = candidate(pair, side)
            found.setdefault(one.id, one)
    return list(found.values())


@dataclass(frozen=True, slots=True)
class ScoringFacts:
    """What the manifest says of a scoring job."""

    plan: Mapping[str, Any]
    self_check: Mapping[str, Any]
    scored: int
    reused: int
    tokens_in: int


def score_candidates(
    candidates: Sequence[Candidate],
    model: RewardModel,
    *,
    budget: Budget,
    done: dict[str, Score],
    write: Callable[[Sequence[Score]], None],
    progress: Progress,
    on_budget: Callable[[Budget], None] = lambda _: None,
    max_errors: int | None = None,
) -> ScoringFacts:
    """Score what is not in `done` yet; `done` is filled, `write` gets every new line at once.

    The plan is made over all distinct texts, also those done, so that a resumed run cuts the
    same batches as an unbroken one. Out of memory halves the budget, says so through
    `on_budget` and goes on with what is left.
    """
    reused = len(done)
    encoded = {item.candidate.id: item for item in model.encode(candidates)}
    items = list(encoded.values())
    lengths = [item.n_tokens for item in items]
    plan = plan_batches(lengths, list(encoded), budget)
    unit = "tokens" if any(lengths) else "texts"
    waiting = [item for item in items if item.candidate.id not in done]
    progress.start("scoring", sum(map(_work(unit), waiting)), unit)
    while any(item.candidate.id not in done for item in items):
        try:
            for batch in plan.batches:
                todo = [items[i] for i in batch if items[i].candidate.id not in done]
                if todo:
                    _score_batch(todo, model, done, write, max_errors)
                    progress.advance(sum(map(_work(unit), todo)))
        except OutOfMemory:
            budget = _smaller(budget, model)
            progress.notice(f"out of memory: going on with {budget.max_tokens:,} tokens a batch")
            on_budget(budget)
            plan = plan_batches(lengths, list(encoded), budget)
    progress.finish()
    check = _self_check(plan, items, model, done)
    return ScoringFacts(_plan_facts(plan, budget), check, len(waiting), reused, sum(lengths))


def _work(unit: str) -> Callable[[Encoded], int]:
    return (lambda item: item.n_tokens) if unit == "tokens" else (lambda _: 1)


def _score_batch(
    todo: Sequence[Encoded],
    model: RewardModel,
    done: dict[str, Score],
    write: Callable[[Sequence[Score]], None],
    max_errors: int | None,
) -> None:
    lines = [_line(item, value) for item, value in zip(todo, model.score(todo), strict=True)]
    write(lines)
    done.update((line.id, line) for line in lines)
    failed = sum(line.score is None for line in done.values())
    if max_errors is not None and failed >= max(1, max_errors):
        raise HarnessError(f"{failed} texts got no finite score; --max_errors {max_errors} reached")


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
    plan: Plan, items: Sequence[Encoded], model: RewardModel, done: Mapping[str, Score]
) -> dict[str, Any]:
    """Score a few texts alone, spread over the plan, and compare with what the batches gave."""
    order = [i for batch in plan.batches for i in batch]
    count = min(SELF_CHECK_TEXTS, len(order))
    picked = [order[round(k * (len(order) - 1) / max(1, count - 1))] for k in range(count)]
    largest = relative = 0.0
    for i in dict.fromkeys(picked):
        batched = done[items[i].candidate.id].score
        alone = _float32(model.score([items[i]])[0])
        if batched is None or not math.isfinite(alone):
            continue
        difference = abs(alone - batched)
        largest = max(largest, difference)
        relative = max(relative, difference / max(1.0, abs(alone)))
    if model.facts().get("dtype") == "float32" and relative > _BROKEN:
        raise ModelError(
            f"{model.name}: a text scores {relative:.3g} otherwise alone than in a batch; "
            "such numbers are not reported (try --batch_size 1, and tell the authors)"
        )
    return {
        "texts": len(set(picked)),
        "max_difference": largest,
        "max_relative_difference": relative,
        "within_float32_tolerance": relative <= _TOLERANCE,
    }


def verdicts_from_scores(
    pairs: Sequence[Pair],
    scores: Mapping[str, Score],
    attempts: Mapping[VerdictKey, int],
) -> list[Verdict]:
    """One verdict a pair: the higher score wins, equal scores tie, no score is an error.

    `attempts` counts the lines that stand on disk already for a (pair_id, order, repeat).
    """
    found = []
    for pair in pairs:
        chosen = scores[candidate(pair, pair.chosen).id]
        rejected = scores[candidate(pair, pair.rejected).id]
        outcome, margin, reason = _outcome(chosen, rejected)
        found.append(
            Verdict(
                *pair.head,
                None,
                outcome,
                margin=margin,
                reason=reason,
                attempt=attempts.get((pair.pair_id, None, 0), 0) + 1,
                tokens_in=chosen.n_tokens + rejected.n_tokens,
                truncated=chosen.truncated or rejected.truncated,
            )
        )
    return found


def _outcome(chosen: Score, rejected: Score) -> tuple[Any, float | None, str | None]:
    if chosen.score is None or rejected.score is None:
        sides = [n for n, s in (("chosen", chosen), ("rejected", rejected)) if s.score is None]
        return "error", None, f"no finite score for {' and '.join(sides)}"
    margin = chosen.score - rejected.score
    return outcome_of_margin(margin), margin, None
