"""A judge asked several times: the majority of its answers, and how far they differ."""

from __future__ import annotations

from typing import Any

import numpy as np

from harness.metrics.accuracy import mean, pair_values
from harness.metrics.table import (
    CHOSEN,
    OUTCOMES,
    UNPARSED,
    FloatArray,
    IntArray,
    PairTable,
    VerdictTable,
)


def repeats(pairs: PairTable, verdicts: VerdictTable, _seed: int = 0) -> dict[str, Any]:
    """What answering again changes (docs/design.md 4.4); all but the first null with one repeat.

    `repeats`: answers to each prompt; null without verdicts. `majority_accuracy`: accuracy of
    the outcome that more than half of the repeats of a (pair, order) have; without one it is
    wrong. `repeat_agreement`: mean over (pair, order) of the share of pairs of repeats with the
    same outcome, unparsed and error being outcomes too. `repeat_std`: population standard
    deviation of the accuracies of the single repeats.
    """
    _, _, counts = _cells(verdicts)
    asked = counts.sum(axis=1)
    n = int(asked.max(initial=0))
    found: dict[str, Any] = {
        "repeats": n or None,
        "majority_accuracy": None,
        "repeat_agreement": None,
        "repeat_std": None,
    }
    if n > 1:
        again = asked > 1
        alike = (counts * (counts - 1)).sum(axis=1)[again] / (asked * (asked - 1))[again]
        found["majority_accuracy"] = mean(pair_values(pairs, majority_verdicts(verdicts)))
        found["repeat_agreement"] = mean(alike)
        found["repeat_std"] = float(_by_repeat(verdicts).std())
    return found


def majority_verdicts(verdicts: VerdictTable) -> VerdictTable:
    """One verdict for each (pair, order): the outcome of more than half of all repeats.

    Where none has that many it is unparsed: there is no verdict. A (pair, order) with fewer
    answers than others needs as many. It counts as truncated where one of its answers does.
    """
    first, cell, counts = _cells(verdicts)
    n = int(counts.sum(axis=1).max(initial=0))
    enough = 2 * counts.max(axis=1) > n
    return VerdictTable(
        pair=verdicts.pair[first],
        order=verdicts.order[first],
        repeat=np.zeros(first.size, np.int64),
        outcome=np.where(enough, counts.argmax(axis=1), UNPARSED).astype(np.int64),
        truncated=np.bincount(cell, weights=verdicts.truncated, minlength=first.size) > 0,
    )


def _cells(verdicts: VerdictTable) -> tuple[IntArray, IntArray, IntArray]:
    """The (pair, order) there are, sorted: the row of each one's first verdict, the place of
    every verdict among them, and their verdicts by outcome, (cells, 5)."""
    key = verdicts.pair * 3 + verdicts.order + 1
    _, first, cell = np.unique(key, return_index=True, return_inverse=True)
    width = len(OUTCOMES)
    counts = np.bincount(cell * width + verdicts.outcome, minlength=first.size * width)
    return first, cell, counts.reshape(first.size, width).astype(np.int64)


def _by_repeat(verdicts: VerdictTable) -> FloatArray:
    """The accuracy of each repeat by itself: the mean over pairs of the mean over orders."""
    numbers, repeat = np.unique(verdicts.repeat, return_inverse=True)
    unit, row = np.unique(verdicts.pair * numbers.size + repeat, return_inverse=True)
    values = np.bincount(row, weights=verdicts.outcome == CHOSEN) / np.bincount(row)
    of_repeat = unit % numbers.size
    return np.asarray(np.bincount(of_repeat, weights=values) / np.bincount(of_repeat), np.float64)
