"""Pairs that stay in their file: read again whenever they are asked for, a few at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import overload

import msgspec
import numpy as np

from harness.data.columns import Ints, PairColumns
from harness.data.rows import only_value
from harness.data.still_file import StillFile
from harness.records import Pair, Side

_SPAN = 4 << 20  # bytes read at once in a pass
_GAP = 64 << 10  # rows further apart are read one by one


class _Side(msgspec.Struct, gc=False):
    response: str


class _Row(msgspec.Struct, gc=False):
    prompt: str
    chosen: _Side
    rejected: _Side


_decode = msgspec.json.Decoder(_Row).decode


class FilePairs(Sequence[Pair]):
    """The good rows of a JSONL file that was read and checked once.

    Only `columns` are in memory: `starts` and `sizes` say where in the file the row of each pair
    stands. Every pass reads the file, every `pairs[i]` its row; both may go on in several threads.
    DataError where the file was changed since it was checked.
    """

    def __init__(self, file: StillFile, starts: Ints, sizes: Ints, columns: PairColumns) -> None:
        self._file, self._starts, self._sizes, self.columns = file, starts, sizes, columns

    def __len__(self) -> int:
        return len(self._starts)

    @overload
    def __getitem__(self, place: int) -> Pair: ...
    @overload
    def __getitem__(self, place: slice) -> FilePairs: ...
    def __getitem__(self, place: int | slice) -> Pair | FilePairs:
        if isinstance(place, slice):
            return self.take(np.arange(len(self))[place])
        row = range(len(self))[place]  # negative ones, and an IndexError beyond
        return self._pair(row, self._file.read(int(self._starts[row]), int(self._sizes[row])))

    def __iter__(self) -> Iterator[Pair]:
        for begin, end in self._spans():
            start = int(self._starts[begin])
            block = memoryview(
                self._file.read(start, int(self._starts[end - 1] + self._sizes[end - 1]) - start)
            )
            at = (self._starts[begin:end] - start).tolist()
            for row, first, size in zip(
                range(begin, end), at, self._sizes[begin:end].tolist(), strict=True
            ):
                yield self._pair(row, block[first : first + size])

    def take(self, rows: Ints) -> FilePairs:
        """The pairs at these places, in their order."""
        return FilePairs(self._file, self._starts[rows], self._sizes[rows], self.columns.take(rows))

    def _spans(self) -> Iterator[tuple[int, int]]:
        """Runs of neighbours that are read together: first place, and the one after the last."""
        begin = 0
        starts, sizes = self._starts, self._sizes
        apart = starts[1:] - starts[:-1] - sizes[:-1]
        ends = np.append(np.flatnonzero((apart < 0) | (apart > _GAP)), len(self) - 1)
        for end in ends.tolist():
            while begin <= end:
                # as many whole rows as fit, and one at least
                fits = int(np.searchsorted(starts[begin : end + 1], starts[begin] + _SPAN))
                yield begin, begin + max(1, fits)
                begin += max(1, fits)

    def _pair(self, row: int, line: bytes | memoryview) -> Pair:
        try:
            found = _decode(line)
            prompt, chosen, rejected = (
                found.prompt,
                found.chosen.response,
                found.rejected.response,
            )
        except (msgspec.DecodeError, UnicodeDecodeError):
            # the fast parser refuses more than it must, such as a NaN under another key
            value = only_value(bytes(line).decode())
            prompt = value["prompt"]
            chosen, rejected = value["chosen"]["response"], value["rejected"]["response"]
        known = self.columns
        return Pair(
            known.pair_id[row],
            known.prompt_id[row],
            prompt,
            known.tags[known.tag[row]],
            known.genres[known.genre[row]],
            known.languages[known.language[row]],
            Side(chosen, _number(known.chosen_score[row]), self._model(known.chosen_model[row])),
            Side(
                rejected, _number(known.rejected_score[row]), self._model(known.rejected_model[row])
            ),
            int(known.row[row]),
        )

    def _model(self, code: np.int32) -> str | None:
        return None if code < 0 else self.columns.models[code]


def _number(score: np.float64) -> float | None:
    return None if np.isnan(score) else float(score)
