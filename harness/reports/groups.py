"""The tables with one row a group of pairs: genres, tags, bands of length or of score gap."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from harness.metrics.preference import UNDERPOWERED, grouped
from harness.reports.bands import BANDS
from harness.reports.overall import ACCURACY, Entry
from harness.reports.tables import Column, Table, from_records, nested
from harness.reports.text import TOO_SMALL

IDENTITY = (
    Column("task", "task"),
    Column("language", "language"),
    Column("model", "model", "name"),
    Column("run", "run"),
    Column("by", "by"),
)
GROUPS = (
    *IDENTITY,
    Column("group", "group", "name"),
    *ACCURACY,
    Column("ties", "ties", "count"),
    Column("unparsed", "unparsed", "count"),
    Column("errors", "errors", "count"),
    Column("underpowered", "", "flag"),
)
FEW_PAIRS = (
    f"{TOO_SMALL}: Wilson's interval reaches more than {100 * UNDERPOWERED:.0f} points to each "
    "side, so the number ranks nothing."
)
FEW_CLUSTERS = "No bootstrap under 10 clusters: it would be too narrow."
OTHER = "Other"  # tags that no table knows


def identity(entry: Entry, by: str) -> dict[str, Any]:
    """The columns that say whose row it is."""
    return {
        "task": entry.task,
        "language": entry.results["language"],
        "model": entry.label,
        "run": entry.run,
        "by": by,
    }


def group_table(entries: Sequence[Entry], by: str, *, seed: int = 0) -> Table:
    """Every group of every run: the groups in their order, under each the runs as given.

    Genres and tags stand in results.json; bands are counted from the runs' tables, with `seed`
    behind their intervals.
    """
    of_run = [_groups(entry, by, seed) for entry in entries]
    names = {name for groups in of_run for name in groups}
    if by in BANDS:
        order = [name for name in BANDS[by].names if name in names]
    else:
        order = sorted(names, key=lambda name: (name == OTHER, name))
    records = [
        dict(groups[name]) | identity(entry, by) | {"group": name}
        for name in order
        for entry, groups in zip(entries, of_run, strict=True)
        if name in groups
    ]
    return from_records("", GROUPS, records)


def _groups(entry: Entry, by: str, seed: int) -> Mapping[str, Mapping[str, Any]]:
    if by in BANDS:
        assert entry.tables is not None
        pairs, verdicts = entry.tables()
        return grouped(pairs, verdicts, BANDS[by].codes(pairs), BANDS[by].names, seed=seed)
    rows: Mapping[str, Mapping[str, Any]] = entry.results.get(f"{by}s") or {}
    return {name: {"underpowered": _underpowered(row)} | dict(row) for name, row in rows.items()}


def _underpowered(row: Mapping[str, Any]) -> bool:
    ends = row.get("wilson95")
    return ends is not None and (ends[1] - ends[0]) / 2 > UNDERPOWERED


def printed_groups(entries: Sequence[Entry], by: str, *, seed: int = 0) -> Table:
    """The same for reading; of several runs, under each group a row a run."""
    table = group_table(entries, by, seed=seed)
    notes = [BANDS[by].note] if by in BANDS else []
    if any(table.values("underpowered")):
        notes.append(FEW_PAIRS)
    if any(table.values("ci95")) and not all(table.values("ci95")):
        notes.append(FEW_CLUSTERS)
    several = len(entries) > 1
    clusters = () if several else ("clusters",)
    title = f"{entries[0].task} by {by}"
    printed = table.pick(
        title if several else f"{title}: {entries[0].label}",
        ("group", "model", "n", *clusters, "accuracy", "wilson95", "ci95", "underpowered"),
        heads={"group": BANDS[by].head if by in BANDS else by},
        optional=("clusters", "ci95", "underpowered"),
        notes=notes,
    )
    return nested(printed, several=several)
