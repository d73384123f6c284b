"""Tables for programs: one tidy CSV, or plain JSON; values as stored, not rounded."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from typing import Any

from harness.reports.tables import Column, Table, records

_PAIRS = ("interval", "points_interval", "ratio_interval")


def csv_text(table: Table) -> str:
    """A header and a line a row; an interval is two columns, `_low` and `_high`; null is empty."""
    sheet = io.StringIO()
    writer = csv.writer(sheet, lineterminator="\n")
    writer.writerow([name for column in table.columns for name in _names(column)])
    for row in table.rows:
        values = [
            v
            for value, column in zip(row, table.columns, strict=True)
            for v in _values(value, column)
        ]
        writer.writerow(["" if value is None else value for value in values])
    return _encodable(sheet.getvalue())


def json_text(document: Mapping[str, Table | Any]) -> str:
    """The mapping as JSON, a table being a list with one object a row."""
    plain = {key: records(v) if isinstance(v, Table) else v for key, v in document.items()}
    return _encodable(json.dumps(plain, ensure_ascii=False, indent=2, allow_nan=False) + "\n")


def _encodable(text: str) -> str:
    """Half a surrogate pair, which JSON files may hold and UTF-8 may not, becomes "?"."""
    return text.encode("utf-8", "replace").decode()


def _names(column: Column) -> list[str]:
    if column.kind in _PAIRS:
        return [f"{column.key}_low", f"{column.key}_high"]
    return [column.key]


def _values(value: Any, column: Column) -> list[Any]:
    if column.kind in _PAIRS:
        return [None, None] if value is None else list(value)
    return [value]
