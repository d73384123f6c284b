"""JSONL read line by line, for files too large to be held: rows, and where they stand."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from harness.data.rows import (
    BOM,
    SPACE,
    Row,
    is_other_object,
    line_row,
    no_list,
    no_rows,
    not_utf8,
)
from harness.errors import DataError

_SPACE = SPACE.encode()
_ENOUGH = 10_000  # rows without one object among them: no more are read


class Line(NamedTuple):
    """A row of JSONL: its first byte in the file and its length, without the space around it."""

    start: int
    size: int
    row: Row


def read_lines(lines: Iterable[bytes], name: str) -> Iterator[Line]:
    """The rows of a file, in order, as `parse_rows` gives them.

    `lines` are all bytes of the file, cut after each newline. Raises what `parse_rows` raises,
    but where only a look at the whole file could tell one JSON value on many lines from bad rows:
    such lines come as bad rows. A file that begins with 10,000 rows and no object is refused then.
    """
    at, number, objects = 0, 0, False
    first, head = None, b""
    for line_number, line in enumerate(lines, 1):
        begin, at = at, at + len(line)
        if line_number == 1:
            head = line[:2]
            if line.startswith(BOM):
                line, begin = line[len(BOM) :], begin + len(BOM)
        left = line.lstrip(_SPACE)
        stripped = left.rstrip(_SPACE)
        if not stripped:
            continue
        begin += len(line) - len(left)
        try:
            text = stripped.decode()
        except UnicodeDecodeError as error:
            raise not_utf8(name, begin + error.start, head) from None
        number += 1
        row = line_row(text, number, line_number)
        objects = objects or isinstance(row.value, dict)
        first = first or row
        if number == _ENOUGH and not objects:
            break
        yield Line(begin, len(stripped), row)
    if first is None:
        raise DataError(f"{name}: empty file")
    if number == 1 and first.problem is None and (not objects or is_other_object([first])):
        raise no_list(name, first.value)
    if not objects:
        raise no_rows(name, first)


def begins_as_list(blocks: Iterable[bytes]) -> bool:
    """Whether a file, given in pieces, begins as a JSON list does."""
    for number, block in enumerate(blocks):
        left = (block.removeprefix(BOM) if number == 0 else block).lstrip(_SPACE)
        if left:
            return left.startswith(b"[")
    return False
