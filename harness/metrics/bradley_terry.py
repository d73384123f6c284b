"""One strength for each run of an arena: Bradley-Terry, with intervals and rank ranges."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from harness.metrics.paired import ALPHA
from harness.metrics.table import BoolArray, FloatArray, IntArray
from harness.metrics.uncertainty import as_list, percentiles95
from harness.metrics.wins import Counts, PairTests, Resamples, met

PRIOR = 0.5  # wins that each of two runs that met is given over the other
_PRECISION = 1e-10
_NEAR = 1e-6  # below, every step but for rounding is far smaller than the one before
_MOST_STEPS = 200
_BLOCK = 1_000_000  # cells of matrices held at once


def bradley_terry(
    runs: Sequence[str], counts: Counts, tests: PairTests, resamples: Resamples | None
) -> dict[str, dict[str, Any]]:
    """Strength, interval and rank range of each of the M runs (docs/design.md 4.6).

    `strength`: maximum likelihood on the natural log scale, mean 0 over runs, from wins + ties /
    2, with half a win of prior each way for every two runs that met (Bradley and Terry 1952).
    `expected`: the win rate it makes expected, averaged over the other runs. `ci95`: percentile
    interval of the strength over resamples of whole prompts. `rank`: 1 + the runs significantly
    better to M - those significantly worse (Holm-corrected p below 0.05, each pair by its own
    test). Strengths are null where some runs are linked by no chain of meetings: they are on no
    common scale. The interval is null under two prompts.
    """
    m = len(runs)
    ranks = rank_ranges(m, tests)
    if not m or not connected(counts.n > 0):
        return {
            name: {"strength": None, "expected": None, "ci95": None, "rank": rank}
            for name, rank in zip(runs, ranks, strict=True)
        }
    first, second = met(counts)
    score = (counts.wins + counts.ties / 2)[first, second]
    n = counts.n[first, second].astype(np.float64)
    found = _fitted(first, second, score[None], n[None], m)[0]
    ends: list[list[float] | None] = [None] * m
    if resamples is not None:
        drawn = _fitted(resamples.first, resamples.second, resamples.score, resamples.n, m)
        ends = [as_list(percentiles95(column)) for column in drawn.T]
    others = _chance(found).sum(axis=1) - 0.5
    return {
        name: {
            "strength": float(found[run]),
            "expected": float(others[run] / (m - 1)) if m > 1 else None,
            "ci95": ends[run],
            "rank": ranks[run],
        }
        for run, name in enumerate(runs)
    }


def strengths(wins: FloatArray) -> FloatArray:
    """Maximum likelihood strengths, mean 0, of each of R tables: (R, M, M) to (R, M).

    `wins` of row over column may be fractional; the diagonal is 0. Every table must link all runs
    by wins both ways (the prior sees to that), or there is no maximum. Newton's method with the
    damping of Sun and Tran-Dinh (Math. Program. 2019), under which every step on a logistic
    likelihood is one up: log(1 + d) / d of the full step, d the most it moves two runs apart.
    Ends when no strength moves by more than 1e-10, or by more than rounding in tables that hold
    strengths loosely; raises ArithmeticError if that never comes.
    """
    m = wins.shape[-1]
    met_n = wins + wins.swapaxes(-1, -2)
    found = np.zeros(wins.shape[:-1])
    before = np.inf
    for _ in range(_MOST_STEPS):
        chance = _chance(found)
        gradient = (wins - met_n * chance).sum(axis=-1)
        weight = met_n * chance * (1 - chance)
        # minus the Hessian; the constant fixes the sum of the step to 0 and moves nothing else
        curvature = 1 / m - weight
        curvature[..., np.arange(m), np.arange(m)] += weight.sum(axis=-1)
        step = np.linalg.solve(curvature, gradient[..., None])[..., 0]
        apart = np.ptp(step, axis=-1, keepdims=True)
        found += step * np.where(apart > 0, np.log1p(apart) / np.where(apart > 0, apart, 1), 1)
        size = float(np.abs(step).max(initial=0))
        # a step this small that is not far smaller than the last is rounding
        if size < _PRECISION or before / 2 < size < _NEAR:
            return np.asarray(found - found.mean(axis=-1, keepdims=True), np.float64)
        before = size
    raise ArithmeticError("the strengths did not settle: some runs are linked by no wins")


def connected(linked: BoolArray) -> bool:
    """Whether a chain of links leads from every run to every other; (M, M), symmetric."""
    reached = np.zeros(len(linked), np.bool_)
    reached[:1] = True
    for _ in range(len(linked)):
        reached |= linked[reached].any(axis=0)
    return bool(reached.all())


def rank_ranges(m: int, tests: PairTests) -> list[list[int]]:
    """Best and worst rank of each of M runs by the corrected tests of every two that met."""
    apart = (tests.decisive < ALPHA) & (tests.lead != 0)
    ahead = np.where(tests.lead > 0, tests.first, tests.second)[apart]
    behind = np.where(tests.lead > 0, tests.second, tests.first)[apart]
    better, worse = np.bincount(behind, minlength=m), np.bincount(ahead, minlength=m)
    return [[1 + up, m - down] for up, down in zip(better.tolist(), worse.tolist(), strict=True)]


def _fitted(
    first: IntArray, second: IntArray, score: FloatArray, n: FloatArray, m: int
) -> FloatArray:
    """Strengths of R resamples from what K pairs scored of n, (R, K), with the prior."""
    rows = max(1, _BLOCK // max(m * m, 1))
    parts = []
    for begin in range(0, len(score), rows):
        own = slice(begin, begin + rows)
        wins = np.zeros((len(score[own]), m, m))
        wins[:, first, second] = score[own] + PRIOR
        wins[:, second, first] = n[own] - score[own] + PRIOR
        parts.append(strengths(wins))
    return np.concatenate(parts)


def _chance(strength: FloatArray) -> FloatArray:
    """The chance of each run, the row, against each other: (..., M) to (..., M, M)."""
    from scipy.special import expit

    return np.asarray(expit(strength[..., :, None] - strength[..., None, :]), np.float64)
