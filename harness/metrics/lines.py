"""Lines of JSONL as the few fields somebody needs of them, checked; fast for those that can be."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from itertools import islice
from operator import attrgetter
from typing import Any, NoReturn, TypeVar

import msgspec

from harness.errors import DataError

Line = TypeVar("Line")  # a struct of msgspec or a dataclass
_CHUNK = 256  # lines held as Python objects at once: more fall out of the cache


def columns_of(
    lines: Iterable[bytes], record: type[msgspec.Struct], name: str
) -> Iterator[list[tuple[Any, ...]]]:
    """The checked fields of `record` as columns, some hundred lines at a time.

    Everything a line needs runs without a Python statement.
    """
    decode = msgspec.json.Decoder(record).decode
    pick = attrgetter(*record.__struct_fields__)
    source, done = iter(lines), 0
    while chunk := list(islice(source, _CHUNK)):
        try:
            rows = list(map(pick, map(decode, chunk)))
        except (msgspec.DecodeError, UnicodeDecodeError):
            rows = [
                pick(decode_slowly(line, record, f"{name} line {number}"))
                for number, line in enumerate(chunk, done + 1)
            ]
        yield list(zip(*rows, strict=True))
        done += len(chunk)


def decode_slowly(line: bytes, record: type[Line], where: str) -> Line:
    """A line through the standard library, for an exact message.

    What the fast parser refuses may still hold: it knows no lone surrogates, and a model's raw
    answer may have one.
    """
    try:
        return msgspec.convert(json.loads(line, parse_constant=_no_constant), record)
    except msgspec.ValidationError as error:
        problem, _, field = str(error).partition(" - at `$.")
        message = f"field {field.rstrip('`')}: {problem}" if field else problem
    except ValueError as error:
        message = f"not a JSON object on one line ({error})"
    raise DataError(f"{where}: {message}")


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
