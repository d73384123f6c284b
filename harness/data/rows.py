"""Bytes of a data file -> its rows: a JSON list or JSONL, told apart by what stands in it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from harness.errors import DataError

SPACE = " \t\r\n"  # JSON's own; str.strip() would also eat characters that belong to a text
# a single object on one line is a row of JSONL where it has one of these keys
_FIELDS = (
    "prompt", "prompt_id", "tag", "chosen", "rejected", "query", "response", "ranked_responses"
)  # fmt: skip
BOM = b"\xef\xbb\xbf"
_AFTER = "something stands after the end of the JSON list"
_BETWEEN = "expecting , or ]"


@dataclass(frozen=True, slots=True)
class Row:
    """One row as it was parsed; `problem` says why it could not be.

    `place` is "row 4", with the line beside it where the two differ.
    """

    number: int
    place: str
    value: Any
    problem: str | None = None


class RepeatedKey(dict[str, Any]):
    """A JSON object that names a key twice: which of the two is meant, nobody can say."""

    key: str


def parse_rows(content: bytes, name: str) -> list[Row]:
    """All rows of a file, in order; JSONL lines that are not JSON come as rows with a problem.

    Raises DataError for what spoils the whole file: nothing in it, not UTF-8, a list that does
    not parse to its end, JSON that is not a list.
    """
    text = decode(content, name)
    start = text.lstrip(SPACE)[:1]
    if not start:
        raise DataError(f"{name}: empty file")
    rows = _list_rows(text, name) if start == "[" else _line_rows(text, name)
    if not rows:
        raise DataError(f"{name}: the list holds no rows")
    return rows


def decode(content: bytes, name: str) -> str:
    """The text of a file in UTF-8, with or without a byte order mark; DataError for any other."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        # the codec counts from behind a byte order mark, an editor from the file's beginning
        at = error.start + (len(BOM) if content.startswith(BOM) else 0)
        raise not_utf8(name, at, content[:2]) from None


def not_utf8(name: str, at: int, first: bytes) -> DataError:
    """The error about a file whose byte `at` is no UTF-8; `first` are its first two bytes."""
    hint = "it looks like UTF-16; " if first in (b"\xff\xfe", b"\xfe\xff") else ""
    return DataError(f"{name}: not UTF-8 (byte {at:,}); {hint}save it as UTF-8")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) == len(pairs):
        return found
    repeated = RepeatedKey(found)
    keys = [key for key, _ in pairs]
    repeated.key = next(key for key in keys if keys.count(key) > 1)
    return repeated


_DECODER = json.JSONDecoder(object_pairs_hook=_object)


def _parse(text: str, start: int = 0) -> tuple[Any, int]:
    """The JSON value at `start` and where it ends; every failure is a JSONDecodeError."""
    try:
        return _DECODER.raw_decode(text, start)
    except json.JSONDecodeError:
        raise
    except RecursionError:
        raise json.JSONDecodeError("nested too deep", text, start) from None
    except ValueError:  # Python refuses to read a whole number of thousands of digits
        raise json.JSONDecodeError("a number too long to be read", text, start) from None


def _skip(text: str, start: int) -> int:
    while start < len(text) and text[start] in SPACE:
        start += 1
    return start


def _list_rows(text: str, name: str) -> list[Row]:
    rows: list[Row] = []
    try:
        for value in _values(text):
            rows.append(Row(len(rows) + 1, f"row {len(rows) + 1}", value))
    except json.JSONDecodeError as error:
        raise DataError(f"{name}: {_list_problem(error, len(rows))}") from None
    return rows


def _list_problem(error: json.JSONDecodeError, good: int) -> str:
    at = f"line {error.lineno:,}, column {error.colno:,}"
    if error.msg == _AFTER:
        return f"{at}: {_AFTER}"
    where = f"after row {good:,}" if error.msg == _BETWEEN else f"inside row {good + 1:,}"
    if _at_end(error):
        return f"the JSON list ends {where} ({at}): the file seems to be cut off"
    return f"not JSON {where} ({at}): {_reason(error)}"


def _reason(error: json.JSONDecodeError) -> str:
    return "a string without an end" if error.msg.startswith("Unterminated") else error.msg


def _values(text: str) -> Iterator[Any]:
    """The elements of the list one after another, so that a failure knows its row."""
    at = _skip(text, _skip(text, 0) + 1)
    if text[at : at + 1] != "]":
        while True:
            value, at = _parse(text, at)
            yield value
            at = _skip(text, at)
            if text[at : at + 1] != ",":
                break
            at = _skip(text, at + 1)
    if text[at : at + 1] != "]":
        raise json.JSONDecodeError(_BETWEEN, text, at)
    if _skip(text, at + 1) < len(text):
        raise json.JSONDecodeError(_AFTER, text, _skip(text, at + 1))


def _at_end(error: json.JSONDecodeError) -> bool:
    return error.pos >= len(error.doc.rstrip(SPACE)) or error.msg.startswith("Unterminated")


def _line_rows(text: str, name: str) -> list[Row]:
    rows: list[Row] = []
    for line_number, line in enumerate(text.split("\n"), 1):
        stripped = line.strip(SPACE)
        if stripped:
            rows.append(line_row(stripped, len(rows) + 1, line_number))
    _refuse_other_json(text, rows, name)
    return rows


def line_row(text: str, number: int, line_number: int) -> Row:
    """The row that a line of JSONL holds, without the space around it; or what is wrong with it."""
    place = f"row {number}" + (f" (line {line_number})" if line_number != number else "")
    try:
        return Row(number, place, only_value(text))
    except json.JSONDecodeError as error:
        end = "; the line ends inside it" if _at_end(error) else ""
        return Row(number, place, None, f"not JSON (column {error.colno:,}): {_reason(error)}{end}")


def only_value(text: str) -> Any:
    """The one JSON value that is the whole text; JSONDecodeError where there is none."""
    value, end = _parse(text, _skip(text, 0))
    if _skip(text, end) < len(text):
        raise json.JSONDecodeError("something stands after the value", text, end)
    return value


def _refuse_other_json(text: str, rows: list[Row], name: str) -> None:
    """Raise where the lines were no JSONL at all: one JSON value that is no list, or no JSON."""
    objects = [row.value for row in rows if isinstance(row.value, dict)]
    if objects and not is_other_object(rows) and rows[0].problem is None:
        return
    try:
        value = only_value(text)
    except json.JSONDecodeError:
        if objects:
            return
        raise no_rows(name, rows[0]) from None
    raise no_list(name, value)


def is_other_object(rows: Sequence[Row]) -> bool:
    """Whether the only row of a file is an object without any key of a row."""
    first = rows[0].value
    return len(rows) == 1 and isinstance(first, dict) and not any(key in _FIELDS for key in first)


def no_rows(name: str, first: Row) -> DataError:
    """The error about a file that is neither of the two forms."""
    problem = first.problem or "not an object"
    return DataError(
        f"{name}: neither a JSON list nor JSON Lines of objects; the first line: {problem}"
    )


def no_list(name: str, value: Any) -> DataError:
    """The error about a file that is one JSON value, and no list."""
    keys = ", ".join(ascii(key) for key in list(value)[:8]) if isinstance(value, dict) else ""
    held = f" with the keys {keys}" if keys else ""
    return DataError(f"{name}: JSON, but not a list of rows: {json_type(value)}{held}")


def json_type(value: Any) -> str:
    """What JSON calls the type of a value."""
    match value:
        case None:
            return "null"
        case bool():
            return "true or false"
        case str():
            return "a string"
        case int() | float():
            return "a number"
        case list():
            return "a list"
        case _:
            return "an object"
