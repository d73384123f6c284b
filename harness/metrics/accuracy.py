"""How often the preferred text wins, what failed, and what the order of showing did."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from harness.errors import DataError
from harness.metrics.table import (
    CHOSEN,
    ERROR,
    REJECTED,
    TIE,
    UNPARSED,
    BoolArray,
    FloatArray,
    IntArray,
    PairTable,
    VerdictTable,
)


def pair_values(
    pairs: PairTable, verdicts: VerdictTable, *, tie: float = 0.0, failed: float = 0.0
) -> FloatArray:
    """A value in [0, 1] for each of the N pairs: the mean of v over its orders and repeats.

    v is 1 for chosen, 0 for rejected, `tie` for a tie and `failed` for an unparsed or failed
    verdict (docs/design.md 4.4). Raises DataError when a pair has no verdict: no number for a
    failure.
    """
    credit = np.array([1.0, 0.0, tie, failed, failed])
    n = len(pairs.pair_id)
    counts = np.bincount(verdicts.pair, minlength=n)
    if not counts.all():
        row = int(np.argmin(counts))
        raise DataError(
            f"{int((counts == 0).sum())} of {n} pairs have no verdict (the first is "
            f"{pairs.pair_id[row]!r}): the run is not finished; the same command goes on with it"
        )
    sums = np.bincount(verdicts.pair, weights=credit[verdicts.outcome], minlength=n)
    return np.asarray(sums / counts, np.float64)


def accuracy(pairs: PairTable, verdicts: VerdictTable, _seed: int = 0) -> dict[str, Any]:
    """The four accuracies of docs/design.md 4.4; all null without pairs.

    `accuracy`: mean pair value, so ties, unparsed answers and errors count 0 (the strict ">" of
    arXiv 2510.14616, 3). `accuracy_half`: the same with a tie worth 0.5. `accuracy_both`: share
    of the pairs judged in both orders that are right in every verdict; null where no pair was
    judged in both. `accuracy_valid`: share of chosen among the verdicts that are neither
    unparsed nor error; null without one.
    """
    values = pair_values(pairs, verdicts)
    valid = verdicts.outcome[valid_verdicts(verdicts)]
    return {
        "accuracy": mean(values),
        "accuracy_half": mean(pair_values(pairs, verdicts, tie=0.5)),
        "accuracy_both": mean(values[_both_orders(values.size, verdicts)] == 1.0),
        "accuracy_valid": mean(valid == CHOSEN),
    }


def failures(pairs: PairTable, verdicts: VerdictTable, _seed: int = 0) -> dict[str, Any]:
    """What is not a clean win or loss, and how much it could matter (docs/design.md 4.4, 5.1).

    `ties`, `unparsed`, `errors`, `truncated`: counts of verdicts. `coverage`: share of verdicts
    neither unparsed nor error. `bounds`: accuracy with every failed (unparsed or error) verdict
    wrong, and with every one right; ties stay 0 in both. Null without pairs.
    """
    low = mean(pair_values(pairs, verdicts))
    high = mean(pair_values(pairs, verdicts, failed=1.0))
    return {
        "ties": int((verdicts.outcome == TIE).sum()),
        "unparsed": int((verdicts.outcome == UNPARSED).sum()),
        "errors": int((verdicts.outcome == ERROR).sum()),
        "truncated": int(verdicts.truncated.sum()),
        "coverage": mean(valid_verdicts(verdicts)),
        "bounds": None if low is None else [low, high],
    }


def order(pairs: PairTable, verdicts: VerdictTable, _seed: int = 0) -> dict[str, Any]:
    """What showing one text first does to the verdict (docs/design.md 4.4).

    `consistency`: share of pairs with the same outcome in both orders, among pairs valid (not
    unparsed, not error) in both; with repeats the j-th verdict in one order is held against the
    j-th in the other. `first_pick_rate`: share of verdicts for the text shown first among valid
    non-ties. Both null where no pair was judged in both orders.
    """
    if not _both_orders(len(pairs.pair_id), verdicts).any():
        return {"consistency": None, "first_pick_rate": None}
    shown = verdicts.order >= 0
    decided = shown & (verdicts.outcome <= REJECTED)
    first_wins = (verdicts.outcome == CHOSEN) == (verdicts.order == 0)
    one, other = _both_ways(verdicts, shown)
    both_valid = (one < UNPARSED) & (other < UNPARSED)
    return {
        "consistency": mean((one == other)[both_valid]),
        "first_pick_rate": mean(first_wins[decided]),
    }


def valid_verdicts(verdicts: VerdictTable) -> BoolArray:
    """Which verdicts are neither unparsed nor error."""
    return np.asarray(verdicts.outcome < UNPARSED)


def mean(values: npt.NDArray[Any]) -> float | None:
    """The mean as a plain number; null of nothing."""
    return float(values.mean()) if values.size else None


def _both_orders(n: int, verdicts: VerdictTable) -> BoolArray:
    """Which of n pairs have a verdict in both orders."""
    seen = np.zeros((n, 2), np.bool_)
    shown = verdicts.order >= 0
    seen[verdicts.pair[shown], verdicts.order[shown]] = True
    return np.asarray(seen.all(axis=1))


def _both_ways(verdicts: VerdictTable, shown: BoolArray) -> tuple[IntArray, IntArray]:
    """Outcomes in either order of every (pair, repeat) that was judged in both."""
    cell = verdicts.pair[shown] * 2 + verdicts.order[shown]
    turn = np.argsort(cell, kind="stable")
    cell, outcome = cell[turn], verdicts.outcome[shown][turn]
    starts = np.flatnonzero(np.diff(cell, prepend=-1))
    repeat = np.arange(cell.size) - np.repeat(starts, np.diff(starts, append=cell.size))
    unit = (cell // 2) * (repeat.max(initial=0) + 1) + repeat
    chosen_first = cell % 2 == 0
    _, one, other = np.intersect1d(
        unit[chosen_first], unit[~chosen_first], assume_unique=True, return_indices=True
    )
    return outcome[chosen_first][one], outcome[~chosen_first][other]
