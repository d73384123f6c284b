"""Tables for the pages: what each cell says, and what it is sorted by."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from harness.leaderboard.rows import Row, shown
from harness.leaderboard.tables import genre_names
from harness.reports.tables import WORDS, Column, Table
from harness.reports.text import cell, percent


@dataclass(frozen=True, slots=True)
class HtmlCell:
    """`sort` is a number or lower-case text, "" where there is nothing: that stands last.

    `looks` are class names of ours; `link` a page of ours, `title` the whole of a cut name.
    """

    text: str
    sort: str
    looks: str = ""
    link: str = ""
    title: str = ""


@dataclass(frozen=True, slots=True)
class HtmlHead:
    """`numeric` columns are sorted as numbers, the highest first."""

    text: str
    numeric: bool


@dataclass(frozen=True, slots=True)
class HtmlLine:
    """A line; the page filters by `kind` and by `find`, lower-case text."""

    kind: str
    find: str
    cells: tuple[HtmlCell, ...]


@dataclass(frozen=True, slots=True)
class HtmlTable:
    """A table of a page; the first column of names stays where it is when it scrolls."""

    title: str
    heads: tuple[HtmlHead, ...]
    lines: tuple[HtmlLine, ...]
    notes: tuple[str, ...] = ()


def rows_table(table: Table, rows: Sequence[Row]) -> HtmlTable:
    """The main table: `table` has a row for each of `rows`; the name comes first, with a link."""
    at = [column.key for column in table.columns].index("model")
    turn = [at, *(place for place in range(len(table.columns)) if place != at)]
    columns = [table.columns[place] for place in turn]
    lines = []
    for row, values in zip(rows, table.rows, strict=True):
        cells = [_cell(values[place], table.columns[place]) for place in turn]
        lines.append(_line(row, [_name(row), *cells[1:]]))
    return HtmlTable(table.title, tuple(map(_head, columns)), tuple(lines), table.notes)


def crossed_table(rows: Sequence[Row], title: str, note: str) -> HtmlTable:
    """A row a model and a column a genre, accuracies in percent; few pairs pale, in brackets."""
    names = genre_names(rows)
    lines = [_line(row, [_name(row), *(_genre(row, name) for name in names)]) for row in rows]
    heads = (HtmlHead("model", False), *(HtmlHead(shown(name), True) for name in names))
    return HtmlTable(title, heads, tuple(lines), (note,))


def plain_table(table: Table) -> HtmlTable:
    """A table as it is, for a model's page or an arena."""
    lines = (
        HtmlLine(
            "", "", tuple(_cell(v, column) for v, column in zip(row, table.columns, strict=True))
        )
        for row in table.rows
    )
    return HtmlTable(table.title, tuple(map(_head, table.columns)), tuple(lines), table.notes)


def _line(row: Row, cells: Iterable[HtmlCell]) -> HtmlLine:
    return HtmlLine(row.kind, shown(row.name, 400).lower(), tuple(cells))


def _name(row: Row) -> HtmlCell:
    text = shown(row.name)
    whole = shown(row.name, 400)
    return HtmlCell(text, text.lower(), "name", row.page, whole if whole != text else "")


def _head(column: Column) -> HtmlHead:
    text = column.head.replace("-\n", "-").replace("\n", " ") or {"underpowered": "size"}.get(
        column.key, column.key
    )
    return HtmlHead(text, column.kind not in WORDS or column.key == "rank")


def _cell(value: Any, column: Column) -> HtmlCell:
    if column.kind == "name":
        return HtmlCell(shown(str(value)), str(value).lower(), "name")
    text = cell(value, column.kind)
    if column.key == "rank":
        return HtmlCell(text, (value or "").partition("-")[0], "number")
    if column.kind in WORDS:
        return HtmlCell(text, "" if value is None else str(value).lower(), "word")
    first = value[0] if isinstance(value, list | tuple) and value else value
    sort = "" if first is None or isinstance(first, list | tuple) else repr(first)
    return HtmlCell(text, sort, "number")


def _genre(row: Row, name: str) -> HtmlCell:
    numbers = row.genres.get(name) or {}
    accuracy = numbers.get("accuracy")
    if accuracy is None:
        return HtmlCell("-", "", "number")
    few = bool(numbers.get("underpowered"))
    said = f"({percent(accuracy)})" if few else percent(accuracy)
    return HtmlCell(said, repr(accuracy), "number few" if few else "number")
