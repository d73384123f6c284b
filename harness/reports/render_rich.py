"""Tables for the terminal; names are printed as text, never read as rich markup."""

from __future__ import annotations

import io
import re
import shutil
from collections.abc import Iterable
from typing import TYPE_CHECKING

from harness.reports.tables import WORDS, Table
from harness.reports.text import MEMBER, cell, plain

if TYPE_CHECKING:
    from rich.console import Group, RenderableType
    from rich.table import Table as RichTable

_TRAILING = re.compile(r"(?: |\x1b\[0m|\x1b\[1m)+$", re.MULTILINE)
_NAME = 13  # columns a name keeps, however narrow the terminal
_PIPE_WIDTH, _NARROWEST = 120, 80


def terminal_text(tables: Iterable[Table], *, width: int | None = None) -> str:
    """All tables with their titles and notes, as text with ANSI bold (click drops it in a pipe).

    `width` is the terminal's, or 120 columns where there is none (COLUMNS is heeded); never
    under 80, where numbers would be cut.
    """
    from rich.console import Console

    if width is None:
        width = shutil.get_terminal_size((_PIPE_WIDTH, 24)).columns
    sheet = io.StringIO()
    console = Console(
        file=sheet,
        width=max(width, _NARROWEST),
        force_terminal=True,
        color_system="standard",
        legacy_windows=False,
    )
    console.print(renderables(tables))
    return _TRAILING.sub(_trimmed, sheet.getvalue()).rstrip("\n") + "\n"


def _trimmed(match: re.Match[str]) -> str:
    return "\x1b[0m" if "\x1b" in match.group() else ""


def renderables(tables: Iterable[Table]) -> Group:
    """All tables, a blank line apart, each with its title above and its notes below."""
    from rich.console import Group

    return Group(*(part for table in tables for part in _table(table)))


def _table(table: Table) -> list[RenderableType]:
    from rich.text import Text

    parts: list[RenderableType] = []
    if table.title:
        parts.append(Text(plain(table.title), style="bold"))
    if table.rows:
        parts.append(_grid(table))
    parts += [Text(plain(note)) for note in table.notes]
    return [*parts, Text("")]


def _grid(table: Table) -> RichTable:
    from rich import box
    from rich.table import Table as RichTable
    from rich.text import Text

    grid = RichTable(
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        show_edge=False,
        collapse_padding=True,
        padding=(0, 1),
    )
    for column in table.columns:
        words = column.kind in WORDS
        name = column.kind == "name"
        grid.add_column(
            Text(column.head),
            justify="left" if words else "right",
            # a long name may fold over lines; nothing else may
            overflow="fold",
            no_wrap=not name,
            min_width=_NAME if name else None,
        )
    for row in table.rows:
        grid.add_row(*(_cell(v, c.kind) for v, c in zip(row, table.columns, strict=True)))
    return grid


def _cell(value: object, kind: str) -> RenderableType:
    from rich.padding import Padding
    from rich.text import Text

    text = cell(value, kind)
    if kind == "name" and text.startswith(MEMBER):
        return Padding(Text(text.removeprefix(MEMBER)), (0, 0, 0, 2))
    return Text(text)
