"""Tables as Markdown (GitHub's pipe tables, which most editors and wikis show)."""

from __future__ import annotations

import re
from collections.abc import Iterable

from harness.reports.tables import WORDS, Table
from harness.reports.text import cell, plain

# Only what Markdown would act on, so that the file stays readable as it is: an underscore inside
# a word is no emphasis on GitHub, and a bracket is a link only before another.
_SPECIAL = re.compile(
    r"[\\`*|]|~(?=~)|(?<![^\W_])_|_(?![^\W_])|<(?=[\w/!?])|&(?=#?\w+;)|\](?=[(\[:])|\[(?=\^)"
)
_START = re.compile(r"^(\d*)([#>+.)-])")


def escape(text: str) -> str:
    """The text so that Markdown shows it as it is, on one line and inside a cell."""
    return _SPECIAL.sub(lambda match: "\\" + match.group(), plain(text))


def paragraph(text: str) -> str:
    """The same at the start of a line, where it must not become a list or a heading."""
    return _START.sub(r"\1\\\2", escape(text))


def markdown(tables: Iterable[Table], *, level: int = 2) -> str:
    """Each table under its heading, its notes below it."""
    return "\n".join(_table(table, level) for table in tables)


def _table(table: Table, level: int) -> str:
    from tabulate import tabulate

    parts = [f"{'#' * level} {escape(table.title)}\n"] if table.title else []
    if table.rows:
        parts.append(
            tabulate(
                [
                    [
                        _cell(value, column.kind)
                        for value, column in zip(row, table.columns, strict=True)
                    ]
                    for row in table.rows
                ],
                headers=[escape(column.head) for column in table.columns],
                tablefmt="pipe",
                disable_numparse=True,
                colalign=["left" if c.kind in WORDS else "right" for c in table.columns],
            )
            + "\n"
        )
    parts += [f"{paragraph(note)}\n" for note in table.notes]
    return "\n".join(parts)


def _cell(value: object, kind: str) -> str:
    text = cell(value, kind)
    # an interval's brackets are ours and cannot be taken for a link
    return escape(text) if kind in WORDS else text
