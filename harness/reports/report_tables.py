"""The tables of `harness report`: every task's overall tables, then one break-down."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from harness.reports.groups import group_table, printed_groups
from harness.reports.judge_tables import rule_table
from harness.reports.overall import Entry, overall_table, overall_tables
from harness.reports.sources import printed_sources, source_table
from harness.reports.tables import Table


def printed(tasks: Sequence[Sequence[Entry]], by: str) -> list[Table]:
    """Narrow tables for reading."""
    tables: list[Table] = []
    for entries in tasks:
        tables += overall_tables(entries)
        if by == "source_model":
            tables += printed_sources(entries)
        else:
            tables.append(printed_groups(entries, by))
    return tables


def tidy(tasks: Sequence[Sequence[Entry]], by: str | None) -> Table:
    """One table over all tasks: a row a run, or with `by` a row a run and group."""
    return _joined(
        [overall_table(entries) if by is None else _groups(entries, by) for entries in tasks]
    )


def document(tasks: Sequence[Sequence[Entry]], by: str) -> dict[str, Any]:
    """The same as tables: `runs`, `groups` by `by`, and `rules`, a row a further verdict rule."""
    runs = [(entry.label, entry.run, entry.results) for entries in tasks for entry in entries]
    return {
        "by": by,
        "runs": tidy(tasks, None),
        "groups": tidy(tasks, by),
        "rules": rule_table(runs),
    }


def _groups(entries: Sequence[Entry], by: str) -> Table:
    return source_table(entries) if by == "source_model" else group_table(entries, by)


def _joined(tables: Sequence[Table]) -> Table:
    return Table("", tables[0].columns, tuple(row for table in tables for row in table.rows))
