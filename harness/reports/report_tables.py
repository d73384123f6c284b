"""The tables of `harness report`: what was found, broken down in one way, in every form."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from harness.errors import UsageError
from harness.reports.arena import Arena, arena_tables
from harness.reports.arena_tables import tidy_pairs
from harness.reports.groups import group_table, printed_groups
from harness.reports.judge_tables import rule_table
from harness.reports.overall import Entry, overall_table, overall_tables
from harness.reports.runs import Found
from harness.reports.sources import printed_sources, source_table
from harness.reports.tables import Table, records
from harness.reports.writing_groups import printed_writing_groups, writing_group_table
from harness.reports.writing_tables import writing_table, writing_tables

Task = Sequence[Entry]  # the runs of one task, all of one kind
PAIRS, WROTE, ARENAS = "runs over pairs", "runs that wrote", "arenas"
WAYS = {  # to break each kind down; diversity has a module of its own
    PAIRS: ("genre", "tag", "length", "gap", "source_model"),
    WROTE: ("genre", "tag", "length"),
    ARENAS: ("genre",),
}


def broken_down(found: Found, by: str) -> tuple[Found, list[str]]:
    """What can be broken down so, and sentences on what cannot and is left out.

    UsageError where nothing can.
    """
    pairs, wrote = _kinds(found.tasks)
    there = ((PAIRS, pairs), (WROTE, wrote), (ARENAS, found.arenas))
    said = [
        f"{kind} have no --by {by} (but {', '.join(WAYS[kind])})"
        for kind, of in there
        if of and by not in WAYS[kind]
    ]
    kept = Found(
        tasks=tuple(
            entries for entries in found.tasks if by in WAYS[WROTE if entries[0].wrote else PAIRS]
        ),
        arenas=found.arenas if by in WAYS[ARENAS] else (),
    )
    if not (kept.tasks or kept.arenas):
        raise UsageError(f"--by {by}: {'; '.join(said)}")
    return kept, [f"{line}: left out" for line in said]


def _kinds(tasks: Sequence[Task]) -> tuple[list[Task], list[Task]]:
    """The tasks over pairs, and those that wrote."""
    wrote = [entries for entries in tasks if entries[0].wrote]
    return [entries for entries in tasks if not entries[0].wrote], wrote


def printed(tasks: Sequence[Task], by: str, arenas: Sequence[Arena] = ()) -> list[Table]:
    """Narrow tables for reading."""
    tables: list[Table] = []
    for entries in tasks:
        if entries[0].wrote:
            tables += [*writing_tables(entries), *printed_writing_groups(entries, by)]
            continue
        tables += overall_tables(entries)
        if by == "source_model":
            tables += printed_sources(entries)
        else:
            tables.append(printed_groups(entries, by))
    for arena in arenas:
        tables += arena_tables(arena.results, name=arena.name)
    return tables


def tidy(tasks: Sequence[Task], by: str | None, arenas: Sequence[Arena] = ()) -> Table:
    """One table: a row a run or ordered pair of an arena's runs, or with `by` a row of these and
    a group. UsageError where there is more than one kind: their columns are not the same."""
    pairs, wrote = _kinds(tasks)
    kinds = [kind for kind, of in ((PAIRS, pairs), (WROTE, wrote), (ARENAS, arenas)) if of]
    if len(kinds) > 1:
        raise UsageError(
            f"--format csv is one table, and these are {', '.join(kinds)}: name the folders "
            "of one kind, or take --format json"
        )
    if arenas:
        return joined([tidy_pairs(arena.name, arena.results, by) for arena in arenas])
    return joined([_rows(entries, by) for entries in tasks])


def document(tasks: Sequence[Task], by: str, arenas: Sequence[Arena] = ()) -> dict[str, Any]:
    """The same as tables: `runs`, `groups` by `by`, and `rules`, a row a further verdict rule;
    `arenas` as they are stored, `arena` being the name of the folder."""
    pairs, _ = _kinds(tasks)
    runs = [(entry.label, entry.run, entry.results) for entries in pairs for entry in entries]
    return {
        "by": by,
        "runs": [row for entries in tasks for row in records(_rows(entries, None))],
        "groups": [row for entries in tasks for row in records(_rows(entries, by))],
        "rules": rule_table(runs),
        "arenas": [{"arena": arena.name, **arena.results} for arena in arenas],
    }


def _rows(entries: Task, by: str | None) -> Table:
    if by is None:
        return writing_table(entries) if entries[0].wrote else overall_table(entries)
    if entries[0].wrote:
        return writing_group_table(entries, by)
    return source_table(entries) if by == "source_model" else group_table(entries, by)


def joined(tables: Sequence[Table]) -> Table:
    """Tables of the same columns as one."""
    return Table("", tables[0].columns, tuple(row for table in tables for row in table.rows))
