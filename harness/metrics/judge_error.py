"""What a judge's errors do to the win rates of an arena."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from harness.metrics.accuracy import pair_values, valid_verdicts
from harness.metrics.arena import Units
from harness.metrics.table import FloatArray, IntArray, PairTable, VerdictTable
from harness.metrics.uncertainty import (
    Interval,
    Stream,
    as_list,
    bootstrap_totals,
    percentiles95,
)
from harness.metrics.wins import count_units, fill, met, resample, turned

COIN = 0.5  # the accuracy of a judge that knows nothing


@dataclass(frozen=True, slots=True)
class Calibration:
    """A judge held against people: N preference pairs, 1 where it is right, 0 where it is wrong
    and 0.5 for a tie, with their clusters (docs/design.md 5.5)."""

    values: FloatArray
    cluster: IntArray


@dataclass(frozen=True, slots=True)
class Accuracy:
    """A judge's accuracy over `n` pairs, its resamples, and why it can correct nothing.

    `drawn` is empty and `ci95` None under two clusters, `value` None without pairs.
    """

    n: int
    value: float | None
    drawn: FloatArray
    ci95: Interval | None
    reason: str | None


def calibration(pairs: PairTable, verdicts: VerdictTable) -> Calibration:
    """A preference run counted as an arena counts, so that both see the same judge.

    A pair with a failed verdict is left out; the others are right, wrong or a tie by the sign of
    the mean over orders and repeats, as units of an arena are. Raises DataError for a run that
    is not finished.
    """
    whole = np.ones(len(pairs.pair_id), np.bool_)
    whole[verdicts.pair[~valid_verdicts(verdicts)]] = False
    lead = np.round(pair_values(pairs, verdicts, tie=0.5) - 0.5, 12)
    return Calibration((np.sign(lead[whole]) + 1) / 2, pairs.cluster[whole])


def judge_accuracy(
    judge: Calibration, *, seed: int, stream: Stream = Stream.CALIBRATION
) -> Accuracy:
    """The accuracy of a judge with its bootstrap over clusters, and whether it beats a coin."""
    n = judge.values.size
    if not n:
        return Accuracy(0, None, np.empty(0), None, "the judge has no pair with valid verdicts")
    value = float(judge.values.mean())
    if np.unique(judge.cluster).size < 2:
        reason = "the judge's accuracy has no interval: its pairs are of one cluster"
        return Accuracy(n, value, np.empty(0), None, reason)
    rows = np.column_stack([judge.values, np.ones(n)])
    totals = bootstrap_totals(rows, judge.cluster, seed=seed, stream=stream)
    drawn = totals[:, 0] / totals[:, 1]
    ends = percentiles95(drawn)
    beaten = ends is not None and ends[0] > COIN
    return Accuracy(
        n, value, drawn, ends, None if beaten else "the judge may be no better than a coin"
    )


def without_errors(rate: FloatArray, accuracy: FloatArray) -> FloatArray:
    """The win rate that judges who make no errors would give: (p + q - 1) / (2q - 1).

    p is the win rate of a judge of accuracy q, ties half in both. It is the plug-in estimator of
    arXiv 2511.21140 (Rogan and Gladen 1978) with one q for both kinds of error, as neither text
    of a match has a place of its own. Not cut to [0, 1]. Where q is 0.5 or less nothing bounds
    it on the side that p leans to: infinite there.
    """
    lean, worth = rate - COIN, 2 * accuracy - 1
    with np.errstate(divide="ignore", invalid="ignore"):
        found = COIN + lean / np.maximum(worth, 0.0)
    # p = q = 0.5: any rate would do, so the middle of all
    return np.asarray(np.where(np.isnan(found), COIN, found), np.float64)


def finite95(drawn: FloatArray) -> Interval | None:
    """Percentile interval of resamples; null where an end is beyond all bounds."""
    with np.errstate(invalid="ignore"):
        ends = percentiles95(drawn)
    return ends if ends is not None and np.isfinite(ends).all() else None


def corrected_win_rates(units: Units, judge: Calibration, *, seed: int) -> dict[str, Any]:
    """The win rates of an arena as they would be if its judge made no errors.

    `corrected` (M, M), row against column, to stand beside `win_rate`, never for it, with
    `corrected_ci95` (both samples drawn anew, by prompts and by clusters) and `outside`: whether
    it lies beyond [0, 1], which tells of a judge that does worse or better here. All null, and
    `reason` says why, where the interval of `judge_accuracy` (over `judge_n` pairs, `judge_ci95`)
    reaches 0.5: such a judge corrects nothing. The judge is taken to be as good on these texts as
    on those pairs, and the two samples to be independent. Formula: `without_errors`.
    """
    counts = count_units(units)
    first, second = met(counts)
    m = len(units.runs)
    accuracy = judge_accuracy(judge, seed=seed)
    rates: list[float | None] = [None] * first.size
    ends: list[list[float] | None] = [None] * first.size
    drawn = resample(units, counts, seed=seed)
    if accuracy.reason is None and accuracy.value is not None:
        score = (counts.wins + counts.ties / 2)[first, second] / counts.n[first, second]
        rates = without_errors(score, np.array(accuracy.value)).tolist()
        if drawn is not None:
            with np.errstate(invalid="ignore"):
                again = drawn.score / drawn.n
            # a resample without a meeting has no rate
            known = [~np.isnan(column) for column in again.T]
            ends = [
                as_list(finite95(without_errors(column[here], accuracy.drawn[here])))
                for column, here in zip(again.T, known, strict=True)
            ]
    beyond = [None if rate is None else not 0 <= rate <= 1 for rate in rates]
    return {
        "judge_n": accuracy.n,
        "judge_accuracy": accuracy.value,
        "judge_ci95": as_list(accuracy.ci95),
        "reason": accuracy.reason,
        "corrected": fill(m, first, second, rates, lambda rate: None if rate is None else 1 - rate),
        "corrected_ci95": fill(m, first, second, ends, turned),
        "outside": fill(m, first, second, beyond, lambda outside: outside),
    }
