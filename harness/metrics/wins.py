"""Who wins against whom in an arena: matrices of M runs, row against column, and their tests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.metrics.arena import Units
from harness.metrics.paired import holm, sign_flip
from harness.metrics.table import BoolArray, FloatArray, IntArray
from harness.metrics.uncertainty import (
    RESAMPLES,
    Stream,
    as_list,
    bootstrap_totals,
    percentiles95,
    wilson95,
)

Matrix = list[list[Any]]


@dataclass(frozen=True, slots=True)
class Counts:
    """How often each run met and beat each other, (M, M), 0 on the diagonal.

    `n` valid units, `wins` of the row over the column, `ties`, and `failed` units, which are in
    no other count.
    """

    n: IntArray
    wins: IntArray
    ties: IntArray
    failed: IntArray


@dataclass(frozen=True, slots=True)
class PairTests:
    """Whether chance would do for each of the K pairs of runs that share a valid unit.

    `first` < `second` are the runs, `lead` the wins of the first less those of the second. `p`
    and `p_holm` take units as independent, `p_prompts` and `p_prompts_holm` prompts: None
    unless some prompt was judged several times for one pair.
    """

    first: IntArray
    second: IntArray
    lead: IntArray
    p: FloatArray
    p_holm: FloatArray
    p_prompts: FloatArray | None
    p_prompts_holm: FloatArray | None

    @property
    def decisive(self) -> FloatArray:
        """The corrected p that ranks are made of."""
        return self.p_holm if self.p_prompts_holm is None else self.p_prompts_holm


@dataclass(frozen=True, slots=True)
class Resamples:
    """R resamples of whole prompts, with all their units of all pairs and annotators.

    `score` (R, K) is what the first run of each of the K pairs that met won, a tie being half,
    and `n` (R, K) the valid units.
    """

    first: IntArray
    second: IntArray
    score: FloatArray
    n: FloatArray


def count_units(units: Units) -> Counts:
    """Count the units of every two of the M runs."""
    m = len(units.runs)
    place = units.first * m + units.second

    def table(rows: BoolArray) -> IntArray:
        return np.bincount(place[rows], minlength=m * m).reshape(m, m).astype(np.int64)

    wins = table(units.value > 0) + table(units.value < 0).T
    ties = table((units.value == 0) & ~units.failed)
    failed = table(units.failed)
    ties, failed = ties + ties.T, failed + failed.T
    return Counts(n=wins + wins.T + ties, wins=wins, ties=ties, failed=failed)


def met(counts: Counts) -> tuple[IntArray, IntArray]:
    """The K pairs of runs with a valid unit, first < second."""
    first, second = np.nonzero(np.triu(counts.n))
    return first.astype(np.int64), second.astype(np.int64)


def judged_again(units: Units) -> bool:
    """Whether two valid units are of one pair of runs and one prompt: they are not independent."""
    valid = units.where(~units.failed)
    m = len(units.runs)
    place = (valid.first * m + valid.second) * len(units.prompts) + valid.prompt
    return bool(np.unique(place).size < place.size)


def pair_tests(units: Units, counts: Counts, *, by_prompt: bool, seed: int) -> PairTests:
    """Test every two runs that met, and correct by Holm over all of them.

    `p`: exact two-sided binomial of the wins among the units that are no tie (sign test), 1 where
    all are ties. `p_prompts`, with `by_prompt`: the sign flip of whole prompts (paired.sign_flip).
    """
    from scipy.special import bdtr

    first, second = met(counts)
    ahead, behind = counts.wins[first, second], counts.wins[second, first]
    # a fair coin is symmetric: the two-sided p is twice a tail
    p = np.minimum(2 * bdtr(np.minimum(ahead, behind), ahead + behind, 0.5), 1.0)
    flips = None
    if by_prompt:
        rows, value = _rows_of_pairs(units, first, second), units.value.astype(np.float64)
        flips = np.array([sign_flip(value[own], units.prompt[own], seed=seed).p for own in rows])
    return PairTests(
        first=first,
        second=second,
        lead=ahead - behind,
        p=p,
        p_holm=np.array(holm(p.tolist())),
        p_prompts=flips,
        p_prompts_holm=None if flips is None else np.array(holm(flips.tolist())),
    )


def resample(
    units: Units,
    counts: Counts,
    *,
    seed: int,
    resamples: int = RESAMPLES,
    stream: Stream = Stream.BOOTSTRAP,
) -> Resamples | None:
    """Draw the prompts of the valid units with replacement; null under two prompts."""
    first, second = met(counts)
    valid = units.where(~units.failed)
    prompt = np.unique(valid.prompt, return_inverse=True)[1]
    prompts = int(prompt.max(initial=-1)) + 1
    if prompts < 2:
        return None
    m = len(units.runs)
    place = np.searchsorted(first * m + second, valid.first * m + valid.second)
    cell = prompt * first.size + place
    shape = (prompts, first.size)
    n = np.bincount(cell, minlength=prompts * first.size).reshape(shape)
    score = np.bincount(cell, (valid.value + 1) / 2, minlength=n.size).reshape(shape)
    totals = bootstrap_totals(
        np.hstack([score, n]), np.arange(prompts), seed=seed, resamples=resamples, stream=stream
    )
    return Resamples(first, second, totals[:, : first.size], totals[:, first.size :])


def count_matrices(counts: Counts) -> dict[str, Matrix]:
    """`n`, `wins`, `ties`, `failed`, `win_rate` and `wilson95` as plain lists.

    `win_rate` is (wins + ties / 2) / n of the row, `wilson95` Wilson's interval with k = wins +
    ties / 2 (docs/design.md 4.6). Null on the diagonal, and for the last two where n is 0.
    """
    others = ~np.eye(len(counts.n), dtype=bool)
    known = counts.n > 0
    score = counts.wins + counts.ties / 2
    found = {
        name: _lists(getattr(counts, name), others) for name in ("n", "wins", "ties", "failed")
    }
    found["win_rate"] = _lists(score / np.maximum(counts.n, 1), known)
    found["wilson95"] = [
        [as_list(wilson95(k, n)) for k, n in zip(scores, row, strict=True)]
        for scores, row in zip(score.tolist(), counts.n.tolist(), strict=True)
    ]
    return found


def p_matrices(tests: PairTests, m: int) -> dict[str, Matrix]:
    """`p` and `p_holm`, and where prompts were judged again `p_prompts` and `p_prompts_holm`.

    Symmetric; null on the diagonal and where two runs did not meet.
    """
    names = ["p", "p_holm"] + ([] if tests.p_prompts is None else ["p_prompts", "p_prompts_holm"])
    return {
        name: fill(m, tests.first, tests.second, getattr(tests, name).tolist(), lambda p: p)
        for name in names
    }


def win_ci95(resamples: Resamples | None, m: int) -> Matrix:
    """Percentile bootstrap interval of `win_rate` over prompts (docs/design.md 5.5).

    Null on the diagonal, where two runs did not meet, and under two prompts. Resamples in which
    two runs did not meet are left out. No resample of wins alone has a loss: wilson95 says more
    there.
    """
    if resamples is None:
        return [[None] * m for _ in range(m)]
    with np.errstate(invalid="ignore"):
        rates = resamples.score / resamples.n
    ends = [as_list(percentiles95(column)) for column in rates.T]
    return fill(m, resamples.first, resamples.second, ends, turned)


def turned(interval: list[float] | None) -> list[float] | None:
    """The interval of a win rate, seen from the other run."""
    return None if interval is None else [1 - interval[1], 1 - interval[0]]


def fill(
    m: int, first: IntArray, second: IntArray, values: list[Any], mirror: Callable[[Any], Any]
) -> Matrix:
    """An (m, m) matrix of K values above the diagonal, and their mirror images below."""
    matrix: Matrix = [[None] * m for _ in range(m)]
    for row, column, value in zip(first.tolist(), second.tolist(), values, strict=True):
        matrix[row][column], matrix[column][row] = value, mirror(value)
    return matrix


def _lists(values: npt.NDArray[Any], known: BoolArray) -> Matrix:
    """A matrix as plain numbers, null where nothing is known."""
    return [
        [value if here else None for value, here in zip(row, there, strict=True)]
        for row, there in zip(values.tolist(), known.tolist(), strict=True)
    ]


def _rows_of_pairs(units: Units, first: IntArray, second: IntArray) -> list[IntArray]:
    """The rows of the valid units of each of K pairs of runs, which are sorted."""
    m = len(units.runs)
    rows = np.flatnonzero(~units.failed)
    place = units.first[rows] * m + units.second[rows]
    turn = np.argsort(place, kind="stable")
    starts = np.searchsorted(place[turn], first * m + second)
    return np.split(rows[turn], starts[1:])[: first.size]
