"""How names, numbers and intervals are written, the same in every table and sentence."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import Any

NOTHING = "-"  # plain ASCII: it prints on every terminal
BLANK = ""  # a cell that has nothing to hold, unlike one whose number is missing
MEMBER = "- "  # before a name that belongs to the line above it
TOO_SMALL = "n too small"
_UNPRINTABLE = {"Cc", "Cf", "Cs", "Zl", "Zp"}


def plain(name: str) -> str:
    """A name on one line: no control, direction or half characters that move a terminal."""
    kept = (" " if unicodedata.category(c) in _UNPRINTABLE else c for c in name)
    return " ".join("".join(kept).split())


def percent(share: float | None) -> str:
    """0.5410 as 54.1."""
    return NOTHING if share is None else f"{100 * share:.1f}"


def points(difference: float | None) -> str:
    """A difference of two shares, signed: 0.032 as +3.2."""
    if difference is None:
        return NOTHING
    text = f"{100 * difference:+.1f}"
    return "0.0" if text in ("+0.0", "-0.0") else text


def interval(ends: Sequence[float] | None, *, signed: bool = False) -> str:
    """[0.485, 0.596] as [48.5, 59.6]."""
    if ends is None or len(ends) != 2 or None in ends:
        return NOTHING
    write = points if signed else percent
    return f"[{write(ends[0])}, {write(ends[1])}]"


def ratio(number: float | None) -> str:
    """A coefficient: 0.4125 as 0.413, -0.0001 as 0.000."""
    if number is None:
        return NOTHING
    text = f"{number:.3f}"
    return "0.000" if text == "-0.000" else text


def decimal(number: float | None) -> str:
    """A number of no fixed range, such as MTLD: 81.2375 as 81.2."""
    return NOTHING if number is None else f"{number:,.1f}"


def ratio_interval(ends: Sequence[float] | None) -> str:
    """Two of them: [0.298, 0.521]."""
    return NOTHING if ends is None else f"[{ratio(ends[0])}, {ratio(ends[1])}]"


def p_value(p: float | None) -> str:
    """As papers print it: three decimals, and <0.001 below that."""
    if p is None:
        return NOTHING
    return "<0.001" if p < 0.001 else f"{p:.3f}"


def p_equals(p: float, name: str = "p") -> str:
    """The same in a sentence: `p = 0.003` or `p < 0.001`."""
    return f"{name} < 0.001" if p < 0.001 else f"{name} = {p:.3f}"


def count(number: float | None) -> str:
    """1234 as 1,234."""
    return NOTHING if number is None else f"{number:,.0f}"


def plural(number: int, noun: str) -> str:
    """`1 pair`, `305 pairs`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def cell(value: Any, kind: str) -> str:
    """A value of a column's kind as it is printed."""
    if value == BLANK:
        return BLANK
    match kind:
        case "percent":
            return percent(value)
        case "interval":
            return interval(value)
        case "points":
            return points(value)
        case "points_interval":
            return interval(value, signed=True)
        case "ratio":
            return ratio(value)
        case "ratio_interval":
            return ratio_interval(value)
        case "decimal":
            return decimal(value)
        case "p":
            return p_value(value)
        case "count":
            return count(value)
        case "flag":
            return TOO_SMALL if value else ""
        case _:
            return NOTHING if value is None else plain(str(value))
