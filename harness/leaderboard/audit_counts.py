"""Which whole counts a printed percentage can stand for, in exact arithmetic."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from fractions import Fraction

LEFT_OUT = 2  # items that failed and fell out of a count: a guess only for small counts
SMALL = 50  # above it some count of n - 1 or n - 2 fits nearly every number


def exact(value: float) -> Fraction:
    """The decimal number that was printed, not the binary one nearest to it."""
    return Fraction(repr(value))


def unit(decimals: int) -> Fraction:
    """One of the last printed decimal: 1/10 for one decimal."""
    return Fraction(1, 10**decimals)


def counts_within(value: Fraction, n: int, room: Fraction, *, open_: bool) -> range:
    """The k from 0 to n with |100k/n - value| <= room, or < room where `open_`; one range.

    It is empty for n = 0.
    """
    if n == 0:
        return range(0)
    low, high = (value - room) * n / 100, (value + room) * n / 100
    first, last = math.ceil(low), math.floor(high)
    if open_:
        first += first == low
        last -= last == high
    return range(max(first, 0), min(last, n) + 1)


def possible(value: Fraction, n: int, decimals: int) -> range:
    """The k that could be printed so by rounding, by cutting off or by rounding twice."""
    return counts_within(value, n, unit(decimals), open_=True)


def rounded(value: Fraction, n: int, decimals: int) -> range:
    """The k that ordinary rounding prints so, halves either way (half up and half even)."""
    return counts_within(value, n, unit(decimals) / 2, open_=False)


def how_printed(value: Fraction, k: int, n: int, decimals: int) -> str:
    """What must have been done to k of n to print it so, where ordinary rounding was not."""
    share, step = Fraction(100 * k, n), unit(decimals)
    if _half_up(_half_up(share, step / 10), step) == value:
        return "rounded twice"
    return "cut off" if share > value else "rounded up"


def _half_up(value: Fraction, step: Fraction) -> Fraction:
    return math.floor(value / step + Fraction(1, 2)) * step


def neighbours(value: Fraction, n: int) -> list[int]:
    """The k next below and next above a percentage that no k gives; one at the ends."""
    below = math.floor(value * n / 100)
    return sorted({min(max(k, 0), n) for k in (below, below + 1)})


def with_some_left_out(value: Fraction, n: int, decimals: int) -> tuple[int, int] | None:
    """(k, m) that ordinary rounding prints so, m pairs being one or two fewer than n, the nearest
    first; None for a large n, which proves nothing, and where there is none."""
    if n > SMALL:
        return None
    for m in range(n - 1, max(n - 1 - LEFT_OUT, 0), -1):
        found = rounded(value, m, decimals)
        if found:
            return found[0], m
    return None


def sum_range(cells: Iterable[tuple[Fraction, int]], decimals: int) -> tuple[int, int] | None:
    """The least and the largest sum of counts behind cells of (value, n); None where a cell has
    no count at all. Ordinary rounding is believed where it explains a cell."""
    low = high = 0
    for value, n in cells:
        found = rounded(value, n, decimals) or possible(value, n, decimals)
        if not found:
            return None
        low, high = low + found[0], high + found[-1]
    return low, high


def weighted_mean(values: Sequence[Fraction], counts: Sequence[int]) -> Fraction:
    """The mean of values, each counted for its pairs; there has to be one pair."""
    total = sum(value * n for value, n in zip(values, counts, strict=True))
    return Fraction(total) / sum(counts)
