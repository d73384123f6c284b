"""What an arena came to, as tables: for the terminal, report.md and `harness report`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.reports.arena_groups import (
    corrected_table,
    gap_table,
    genre_table,
    language_table,
    people_table,
)
from harness.reports.arena_remarks import arena_opening, arena_remarks, arena_title
from harness.reports.arena_tables import matrix_tables, printed_pairs, printed_runs
from harness.reports.tables import Table


@dataclass(frozen=True, slots=True)
class Arena:
    """A finished arena: its folder's name, and its results.json."""

    name: str
    results: Mapping[str, Any]


def arena_tables(
    results: Mapping[str, Any], *, name: str = "", notes: Sequence[str] = ()
) -> list[Table]:
    """Everything a reader asks an arena, headline first; `notes` come last."""
    return [
        Table(arena_title(results, name), (), (), tuple(arena_opening(results))),
        *arena_body(results),
        Table("", (), (), (*arena_remarks(results), *notes)),
    ]


def arena_body(results: Mapping[str, Any]) -> list[Table]:
    """The tables alone."""
    return [
        *matrix_tables(results),
        printed_runs(results),
        printed_pairs(results),
        genre_table(results),
        *language_table(results),
        *corrected_table(results),
        *gap_table(results),
        *people_table(results),
    ]
