"""The table with one row a source model: is its text told from others', and is it favoured?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from harness.metrics.sources import UNKNOWN, by_source
from harness.reports.groups import IDENTITY, identity
from harness.reports.overall import Entry
from harness.reports.tables import Column, Table, from_records, nested

SOURCES = (
    *IDENTITY,
    Column("group", "text by", "name"),
    Column("own_family", "own family"),
    Column("n_chosen", "n as\nchosen", "count"),
    Column("accuracy_chosen", "right\n%", "percent"),
    Column("n_rejected", "n as\nrejected", "count"),
    Column("accuracy_rejected", "right\n%", "percent"),
    Column("n", "n\nboth", "count"),
    Column("clusters", "clusters", "count"),
    Column("accuracy", "right\n%", "percent"),
    Column("wilson95", "Wilson\n95%", "interval"),
    Column("ci95", "bootstrap\n95%", "interval"),
    Column("picked_by_people", "people\npick %", "percent"),
    Column("picked_by_model", "model\npicks %", "percent"),
    Column("favour", "favour", "points"),
    Column("underpowered", "", "flag"),
)
_SIDES = ("n_chosen", "accuracy_chosen", "n_rejected", "accuracy_rejected")
SIDES_NOTE = (
    "as chosen, as rejected: pairs in which this source wrote that side; both: either, a pair of "
    "two such texts once."
)
FAVOUR_NOTE = (
    "How often people and the model take this source's text when the other side is someone "
    "else's (ties and failed verdicts aside); favour is the model's share less the people's."
)
OWN = "*"


def source_table(entries: Sequence[Entry], *, seed: int = 0) -> Table:
    """Every source model under every run; unknown sources last.

    `own_family` says whether the judge is of the source's family, null where no family is known.
    """
    of_run = [_sources(entry, seed) for entry in entries]
    names = sorted({n for rows in of_run for n in rows}, key=lambda n: (n == UNKNOWN, n))
    records = [
        rows[name]
        | identity(entry, "source_model")
        | {"group": name, "own_family": _is_own(entry, name)}
        for name in names
        for entry, rows in zip(entries, of_run, strict=True)
        if name in rows
    ]
    return from_records("", SOURCES, records)


def _sources(entry: Entry, seed: int) -> dict[str, dict[str, Any]]:
    assert entry.tables is not None
    return by_source(*entry.tables(), seed=seed)


def _is_own(entry: Entry, source: str) -> bool | None:
    own = entry.results.get("self_preference")
    return None if own is None else source in own["models"]


def printed_sources(entries: Sequence[Entry], *, seed: int = 0) -> list[Table]:
    """Two tables that fit a terminal: accuracy by side, and favour."""
    table = source_table(entries, seed=seed)
    several = len(entries) > 1
    shown = _marked(table, "model" if several else "group")
    own = [_own_note(entries)] if any(table.values("own_family")) else []
    of = "" if several else f": {entries[0].label}"
    sides = shown.pick(
        f"{entries[0].task} by source model{of}",
        ("group", "model", *_SIDES, "n", "accuracy", "wilson95"),
        notes=[SIDES_NOTE, *own],
    )
    favour = shown.pick(
        f"{entries[0].task}: favour for a source model{of}",
        ("group", "model", "picked_by_people", "picked_by_model", "favour"),
        notes=[FAVOUR_NOTE, *own],
    )
    return [nested(sides, several=several), nested(favour, several=several)]


def _marked(table: Table, key: str) -> Table:
    """The same with a star behind what is printed of the rows of a judge's own family."""
    at = [column.key for column in table.columns].index(key)
    rows = tuple(
        (*row[:at], f"{row[at]} {OWN}", *row[at + 1 :]) if own else row
        for row, own in zip(table.rows, table.values("own_family"), strict=True)
    )
    return Table(table.title, table.columns, rows, table.notes)


def _own_note(entries: Sequence[Entry]) -> str:
    families = {
        str(own["family"]) for entry in entries if (own := entry.results.get("self_preference"))
    }
    return f"{OWN} a source of the judge's own family ({', '.join(sorted(families))})."
