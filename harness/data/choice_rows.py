"""Pairwise choices in CSV -> choices between two models."""

from __future__ import annotations

import csv
import io
from collections import Counter
from typing import Any

from harness.data.fields import text
from harness.data.judged import ABOUT, Choice, Judged, Judgement, Winner, about, judged
from harness.data.rows import Row, decode
from harness.errors import DataError

# column -> the names it goes by; the first that stands in the header is read
_COLUMNS = {
    "prompt_id": ("prompt_id", "question_id"),
    "model_a": ("model_a",),
    "model_b": ("model_b",),
    "choice": ("choice", "winner"),
}
_WINNERS: dict[str, Winner] = {
    "a": "a", "model_a": "a", "b": "b", "model_b": "b", "tie": "tie", "tie (bothbad)": "tie"
}  # fmt: skip


def read_choices(content: bytes, name: str) -> Judged:
    """The rows of a CSV in UTF-8 with a header: `prompt_id` (or `question_id`), `model_a`,
    `model_b`, `choice` (or `winner`), and the columns of ABOUT where there are any.

    A choice is a, b, tie, model_a, model_b, "tie (bothbad)", whatever its case, or the name of one
    of the two models. Space around a cell is no part of it. DataError for a file that is no such
    table.
    """
    records = _records(decode(content, name), name)
    header = [cell.strip() for cell in records[0][1]]
    twice = sorted({column for column in header if header.count(column) > 1})
    if twice:
        raise DataError(f"{name}: the header names a column twice: {', '.join(map(ascii, twice))}")
    names = {
        column: next((one for one in known if one in header), None)
        for column, known in _COLUMNS.items()
    }
    missing = [" or ".join(_COLUMNS[column]) for column, found in names.items() if found is None]
    if missing:
        raise DataError(
            f"{name}: neither JSON nor a CSV of choices: the header lacks {', '.join(missing)} "
            f"(found {', '.join(map(ascii, header[:8]))})"
        )
    if len(records) == 1:
        raise DataError(f"{name}: a header and no rows")
    columns = {found or column: column for column, found in names.items()}
    columns |= {column: column for column in header if column in ABOUT}
    rows = [
        _row(number, line, cells, header, columns)
        for number, (line, cells) in enumerate(records[1:], 1)
    ]
    read = judged(rows, _check)
    unread = {column: len(rows) for column in header if column not in columns}
    return Judged(read.good, read.bad, read.rows, unread)


def _records(content: str, name: str) -> list[tuple[int, list[str]]]:
    """The lines a table consists of, header first, each with the number of its last line."""
    reader = csv.reader(io.StringIO(content, newline=""), strict=True)
    try:
        # a spreadsheet may end in lines of commas alone
        records = [(reader.line_num, cells) for cells in reader if any(map(str.strip, cells))]
    except csv.Error as error:
        raise DataError(f"{name}: line {reader.line_num:,}: not CSV: {error}") from None
    if not records:
        raise DataError(f"{name}: empty file")
    return records


def _row(
    number: int, line: int, cells: list[str], header: list[str], columns: dict[str, str]
) -> Row:
    """A line as an object of its cells that are not blank, under our names of the columns."""
    place = f"row {number} (line {line})"
    if len(cells) != len(header):
        return Row(number, place, None, f"{len(cells)} cells; the header has {len(header)}")
    value = {
        columns[column]: cell.strip()
        for column, cell in zip(header, cells, strict=True)
        if column in columns and cell.strip()
    }
    return Row(number, place, value)


def _check(found: dict[str, Any], problems: list[str], _: Counter[str]) -> Judgement | None:
    prompt_id = text(found, "prompt_id", problems)
    model_a, model_b = text(found, "model_a", problems), text(found, "model_b", problems)
    choice = text(found, "choice", problems)
    said = about(found, problems)
    if prompt_id is None or model_a is None or model_b is None or choice is None:
        return None
    if model_a == model_b:
        problems.append(f"field model_b: {model_b!r} is model_a, too")
        return None
    winners = _readings(choice, model_a, model_b)
    if len(winners) != 1:
        known = f"a, b, tie, model_a, model_b, {model_a!r} or {model_b!r}"
        why = "can be read in two ways" if winners else f"must be {known}"
        problems.append(f"field choice: {choice!r}: {why}")
        return None
    return Judgement(prompt_id, (Choice(model_a, model_b, winners.pop()),), said)


def _readings(choice: str, model_a: str, model_b: str) -> set[Winner]:
    """Who is meant, as it is written or else in any case: a model called "b" may stand first."""
    winners: set[Winner] = {_WINNERS[choice]} if choice in _WINNERS else set()
    if choice == model_a:
        winners.add("a")
    if choice == model_b:
        winners.add("b")
    folded = _WINNERS.get(choice.casefold())
    return winners if winners or folded is None else {folded}
