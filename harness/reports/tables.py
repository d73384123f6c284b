"""A table as plain data: typed columns and rows, before anybody decides how it is printed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from harness.reports.text import BLANK, MEMBER

Kind = Literal[
    "name",
    "text",
    "count",
    "percent",
    "interval",
    "points",
    "points_interval",
    "ratio",
    "ratio_interval",
    "decimal",
    "p",
    "flag",
]
WORDS = ("name", "text", "flag")  # kinds that stand to the left; numbers stand to the right


@dataclass(frozen=True, slots=True)
class Column:
    """`key` names the column in CSV and JSON, `head` in printed tables.

    Values: `percent` and `points` are shares (0.541 prints as 54.1), `interval` and
    `points_interval` two of them, `ratio` and `ratio_interval` plain numbers, `decimal` one of
    any size, `p` a probability, `count` a whole number; None anywhere. A `name` may be long and
    fold, a `text` is short; a `flag` is True or False and prints as "n too small" or nothing.
    """

    key: str
    head: str
    kind: Kind = "text"


@dataclass(frozen=True, slots=True)
class Table:
    """Rows hold one value a column. `notes` are sentences that belong under the table."""

    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Any, ...], ...]
    notes: tuple[str, ...] = ()

    def pick(
        self,
        title: str,
        keys: Iterable[str],
        *,
        heads: Mapping[str, str] | None = None,
        optional: Sequence[str] = (),
        notes: Sequence[str] = (),
    ) -> Table:
        """The columns of that name, in that order; `optional` ones only where one row has
        something to say (neither null nor zero)."""
        keys = list(keys)
        place = {column.key: i for i, column in enumerate(self.columns)}
        kept = [
            place[key]
            for key in keys
            if key not in optional or any(row[place[key]] for row in self.rows)
        ]
        columns = [self.columns[i] for i in kept]
        if heads:
            columns = [Column(c.key, heads.get(c.key, c.head), c.kind) for c in columns]
        rows = tuple(tuple(row[i] for i in kept) for row in self.rows)
        return Table(title, tuple(columns), rows, tuple(notes))

    def values(self, key: str) -> list[Any]:
        """One column, top to bottom."""
        at = [column.key for column in self.columns].index(key)
        return [row[at] for row in self.rows]


def records(table: Table) -> list[dict[str, Any]]:
    """The rows by column key, as JSON has them."""
    return [dict(zip((c.key for c in table.columns), row, strict=True)) for row in table.rows]


def from_records(
    title: str, columns: Sequence[Column], records: Iterable[Mapping[str, Any]]
) -> Table:
    """A table whose rows are looked up by column key; a missing key is null."""
    rows = tuple(tuple(record.get(column.key) for column in columns) for record in records)
    return Table(title, tuple(columns), rows)


def nested(table: Table, *, several: bool) -> Table:
    """The first two columns made one: where there are several, a line with what the first says
    and then a row for each of the second; else the first alone."""
    rows: list[tuple[Any, ...]] = []
    above = None
    for group, model, *numbers in table.rows:
        if several and group != above:
            rows.append((group, *[BLANK] * len(numbers)))
        rows.append((f"{MEMBER}{model}" if several else group, *numbers))
        above = group
    columns = (table.columns[0], *table.columns[2:])
    return Table(table.title, columns, tuple(rows), table.notes)
