"""The tables with one row a group of texts: genres, tags, bands of length."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from harness.metrics.uncertainty import FEWEST_CLUSTERS
from harness.reports.groups import IDENTITY, OTHER, identity
from harness.reports.overall import Entry
from harness.reports.tables import Column, Table, from_records, nested
from harness.reports.writing_bands import BANDS, banded, follows_length
from harness.reports.writing_tables import (
    DEFINED,
    DIVERSITY,
    ERRORS,
    FAULTS,
    LENGTH,
    ROBUST,
    faults_table,
)

BY = ("genre", "tag", "length")
GROUPS = (
    *IDENTITY,
    Column("group", "group", "name"),
    Column("n", "n", "count"),
    Column("prompts", "prompts", "count"),
    ERRORS,
    *LENGTH,
    *DIVERSITY,
    *FAULTS,
)
FEW_PROMPTS = f"No bootstrap under {FEWEST_CLUSTERS} prompts: it would be too narrow."


def writing_group_table(entries: Sequence[Entry], by: str) -> Table:
    """Every group of every run: the groups in their order, under each the runs as given.

    Genres and tags stand in results.json; bands of length are counted from measures.jsonl.
    """
    of_run = [_groups(entry, by) for entry in entries]
    names = {name for groups in of_run for name in groups}
    order = sorted(names, key=lambda name: (name == OTHER, name))
    if by == "length":
        order = [name for name in BANDS if name in names]
    rows = [
        dict(groups[name]) | identity(entry, by) | {"group": name}
        for name in order
        for entry, groups in zip(entries, of_run, strict=True)
        if name in groups
    ]
    return from_records("", GROUPS, rows)


def _groups(entry: Entry, by: str) -> Mapping[str, Mapping[str, Any]]:
    if by == "length":
        assert entry.measures is not None
        return banded(entry.measures())
    found: Mapping[str, Mapping[str, Any]] = entry.results.get(f"{by}s") or {}
    return found


def printed_writing_groups(entries: Sequence[Entry], by: str) -> list[Table]:
    """The same for reading; of several runs, under each group a row a run."""
    head = "words in a text" if by == "length" else by
    table = writing_group_table(entries, by)
    table = table.pick("", [column.key for column in GROUPS], heads={"group": head})
    several = len(entries) > 1
    title = f"{entries[0].task} by {by}"
    of = "" if several else f": {entries[0].label}"

    def part(what: str, keys: Sequence[str], notes: Sequence[str] = ()) -> Table:
        picked = table.pick(
            f"{title}{what}{of}",
            ("group", "model", *keys),
            optional=("ttr_ci95", *ROBUST),
            notes=notes,
        )
        return nested(picked, several=several)

    if by == "length":
        return [part("", ("n", "words", "ttr", *ROBUST), [DEFINED]), follows_length(entries)]
    few = any(table.values("ttr_ci95")) and not all(table.values("ttr_ci95"))
    tables = [part("", ("n", "chars", "words", "ttr", "ttr_ci95"), [FEW_PROMPTS] if few else [])]
    if any(any(table.values(key)) for key in ROBUST):
        tables.append(part(", variety of words", ("words", *ROBUST), [DEFINED]))
    faults = faults_table(table, f"{title}, what went wrong{of}", ("group", "model", "n"))
    return [*tables, *(nested(fault, several=several) for fault in faults)]
