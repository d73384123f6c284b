"""What an audit finds, and the finding about one percentage of a count."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from harness.leaderboard.audit_counts import (
    exact,
    how_printed,
    neighbours,
    possible,
    rounded,
    with_some_left_out,
)
from harness.records import Language

Kind = Literal["impossible_cell", "impossible_average", "std", "repeat", "total", "suspicious"]


@dataclass(frozen=True, slots=True)
class Finding:
    """A number that cannot be right, or looks odd; the field names are those of --format json.

    `row` is a model (of `total` among pairs: a table), `cell` a genre, `avg`, `std` or `row`, of
    win rates the model of the column. `value` is what is printed, `n` the pairs behind it under
    its own table's map; of `std` the number of cells, of `repeat` `value` of `n` cells agree, of
    `total` `n` is what `value` should be. `detail` is a clause that says what is wrong.
    """

    row: str
    language: Language
    cell: str
    value: float
    n: int
    finding: Kind
    detail: str


def shown(value: float) -> str:
    """A value as a paper prints it: no digit more than it has, a count without any."""
    return f"{value:,}" if isinstance(value, int) else repr(value)


def cell_finding(
    row: str,
    language: Language,
    cell: str,
    value: float,
    ns: Sequence[int],
    decimals: int,
) -> Finding | None:
    """Whether a percentage is a whole count over one of `ns`, its own table's n first."""
    printed = exact(value)
    fitting = next(((n, k) for n in ns if (k := possible(printed, n, decimals))), None)
    if fitting is None:
        detail = _impossible(printed, value, ns, decimals)
        return Finding(row, language, cell, value, ns[0], "impossible_cell", detail)
    if any(rounded(printed, n, decimals) for n in ns):
        return None
    n, counts = fitting
    how = how_printed(printed, counts[0], n, decimals)
    only = "" if n == ns[0] else f"no count over {ns[0]:,} gives it; over another table's pairs "
    detail = f"{only}{counts[0]:,} of {n:,} is {_percent(counts[0], n, decimals)}: {how} or wrong"
    return Finding(row, language, cell, value, ns[0], "suspicious", detail)


def _impossible(printed: Fraction, value: float, ns: Sequence[int], decimals: int) -> str:
    n = ns[0]
    over = " or ".join(f"{one:,}" for one in ns)
    near = [f"{_percent(k, n, decimals, 0)} ({k})" for k in neighbours(printed, n)] if n else []
    detail = f"no count over {over} gives {shown(value)}"
    if near:
        detail += f"; nearest: {', '.join(near)}"
    fewer = with_some_left_out(printed, n, decimals)
    return f"{detail}; {fewer[0]} of {fewer[1]} would" if fewer else detail


def _percent(k: int, n: int, decimals: int, more: int = 2) -> str:
    return f"{100 * k / n:.{decimals + more}f}"
