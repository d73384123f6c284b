"""A large JSONL of pairs: checked in one pass that keeps no text."""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from harness.data.column_builder import ColumnsBuilder
from harness.data.columns import Keys
from harness.data.fields import BadRows, settle
from harness.data.file_pairs import FilePairs
from harness.data.lines import read_lines
from harness.data.still_file import StillFile
from harness.data.strings import Strings, strings_of
from harness.data.wpb import Records, RowCheck, numbered
from harness.progress import Progress
from harness.records import Language

if TYPE_CHECKING:
    from hashlib import _Hash

_MB = 10**6
_STEP = 4 * _MB  # bytes between two words on progress
_CHUNK = 4096  # numbers made into Python objects at once


@dataclass(frozen=True, slots=True)
class LargeFile:
    """What a large file holds, and the sha256 of its bytes."""

    records: Records
    sha256: str


def read_large(
    file: StillFile,
    *,
    language: Language,
    genre_of: Callable[[str], str],
    bad_rows: BadRows,
    progress: Progress,
) -> LargeFile:
    """The pairs of a JSONL file, in a few hundred bytes a pair; otherwise as `read_pairs`.

    The texts are read again where they are asked for (`FilePairs`).
    """
    name = str(file.path)
    check, builder = RowCheck(language, genre_of), ColumnsBuilder()
    keys, starts, sizes = array("Q"), array("q"), array("q")
    digest, rows = hashlib.sha256(), 0
    for line in read_lines(_watched(file, digest, progress), name):
        rows += 1
        pair = check.pair(line.row)
        if pair is not None:
            builder.add(pair)
            keys.append(int(pair.pair_id, 16))
            starts.append(line.start)
            sizes.append(line.size)
    messages = settle(name, check.bad, rows=rows, good=len(keys), bad_rows=bad_rows)
    columns = builder.done(_pair_ids(np.frombuffer(keys, np.uint64)))
    pairs = FilePairs(
        file, np.frombuffer(starts, np.int64), np.frombuffer(sizes, np.int64), columns
    )
    records = Records(pairs, messages, check.bad.rows, rows, dict(check.extra))
    return LargeFile(records, digest.hexdigest())


def _watched(file: StillFile, digest: _Hash, progress: Progress) -> Iterator[bytes]:
    """The lines of a file, which are summed on the way."""
    progress.start(f"reading {file.path.name}", -(-file.size // _MB), "MB")
    read = told = 0
    for line in file.lines():
        digest.update(line)
        read += len(line)
        if read - told >= _STEP:
            progress.advance(read // _MB - told // _MB)
            told = read
        yield line
    progress.advance(-(-read // _MB) - told // _MB)
    progress.finish()


def _pair_ids(keys: Keys) -> Strings:
    """Ids by the number their 16 hex digits say; repeated ones are numbered in the file's order."""
    order = np.argsort(keys, kind="stable")
    first = np.flatnonzero(np.concatenate([[True], np.diff(keys[order]) != 0]))
    times = np.empty(len(keys), np.int64)
    times[order] = np.arange(len(keys)) - np.repeat(first, np.diff(np.append(first, len(keys)))) + 1
    return strings_of(
        numbered(f"{key:016x}", time)
        for start in range(0, len(keys), _CHUNK)
        for key, time in zip(
            keys[start : start + _CHUNK].tolist(),
            times[start : start + _CHUNK].tolist(),
            strict=True,
        )
    )
