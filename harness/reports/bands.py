"""Sorts pairs into bands by the ratio of their lengths and by the gap of the human scores."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from harness.metrics.table import IntArray, PairTable


@dataclass(frozen=True, slots=True)
class Bands:
    """`codes` gives each of N pairs its place in `names`; `head` and `note` are for the table."""

    head: str
    names: tuple[str, ...]
    note: str
    codes: Callable[[PairTable], IntArray]


def length_codes(pairs: PairTable) -> IntArray:
    """A place in the length bands for every pair; two empty texts are similar."""
    chosen, rejected = pairs.chosen_chars, pairs.rejected_chars
    # multiplied out in whole numbers: exact at the edges, and no division by an empty text
    codes = np.full(chosen.size, 2, dtype=np.int64)
    codes[5 * chosen < 4 * rejected] = 1
    codes[2 * chosen < rejected] = 0
    codes[4 * chosen > 5 * rejected] = 3
    codes[chosen > 2 * rejected] = 4
    return codes


def gap_codes(pairs: PairTable) -> IntArray:
    """A place in the gap bands for every pair; a score missing on either side is unknown."""
    # a gap of 3 - 2.67 - ... in floats may stand a hair beside its whole number
    gap = np.round(pairs.gap, 6)
    codes = np.full(gap.size, 6, dtype=np.int64)
    edges = (
        gap < 0,
        gap == 0,
        (gap > 0) & (gap < 1),
        (gap >= 1) & (gap < 2),
        (gap >= 2) & (gap < 3),
        gap >= 3,
    )
    for code, inside in enumerate(edges):
        codes[inside] = code
    return codes


BANDS: Mapping[str, Bands] = {
    "length": Bands(
        head="chosen text is",
        names=(
            "much shorter (under 0.5)",
            "shorter (0.5 to 0.8)",
            "similar (0.8 to 1.25)",
            "longer (1.25 to 2)",
            "much longer (over 2)",
        ),
        note=(
            "Ratio of characters, chosen to rejected. 0.8 and 1.25 count as similar, 0.5 as "
            "shorter, 2 as longer; each band mirrors the one across the middle."
        ),
        codes=length_codes,
    ),
    "gap": Bands(
        head="score gap",
        names=(
            "below 0 (against the label)",
            "0 (gold tie)",
            "above 0, below 1",
            "1 to below 2",
            "2 to below 3",
            "3 and more",
            "unknown",
        ),
        note="The human score of the chosen text less that of the rejected one.",
        codes=gap_codes,
    ),
}
