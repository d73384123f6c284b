"""The texts of a job as a model takes them; token ids beyond a size wait in an unnamed file."""

from __future__ import annotations

import tempfile
from array import array
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from harness.errors import TextsTooLong
from harness.models.base import Encoded, Ids, RewardModel
from harness.progress import Progress, Silent
from harness.scoring.table import ScoreTable
from harness.scoring.texts import DistinctTexts

_CHUNK = 2048  # texts that are rendered and tokenised together
_IN_MEMORY = 256 << 20  # bytes of token ids


def tokens_of(texts: DistinctTexts, model: RewardModel) -> int:
    """Tokens of all texts; raises what encoding them raises."""
    with EncodedTexts(texts, model, None) as encoded:
        encoded.read(ScoreTable(len(texts)), Silent())
        return int(encoded.lengths.sum())


class EncodedTexts:
    """Lengths of all texts, and the token ids of those that are still to score.

    `lengths` (n,) is in tokens, 0 throughout for a model that reads characters. What was scored
    before has its length from its line, and is encoded again only where somebody asks for it.
    """

    def __init__(self, texts: DistinctTexts, model: RewardModel, scratch: Path | None) -> None:
        self.texts, self.model = texts, model
        self.lengths: NDArray[np.int64] = np.zeros(len(texts), np.int64)
        self._place = np.full(len(texts), -1, np.int64)  # of its first row in the columns below
        self._truncated = np.zeros(len(texts), np.bool_)
        self._rows = 1
        self._starts, self._ends = array("i"), array("q", [0])
        folder = None if scratch is None else str(scratch)
        self._file = tempfile.SpooledTemporaryFile(_IN_MEMORY, dir=folder)  # noqa: SIM115

    def __enter__(self) -> EncodedTexts:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def read(self, done: ScoreTable, progress: Progress) -> None:
        """Encode what is not done; TextsTooLong names all that are, not the first."""
        self.lengths[done.done] = done.n_tokens[done.done]
        todo = np.flatnonzero(~done.done)
        progress.start("tokenising", len(todo), "texts")
        too_long: TextsTooLong | None = None
        for begin in range(0, len(todo), _CHUNK):
            numbers = todo[begin : begin + _CHUNK]
            try:
                encoded = self.model.encode(self.texts.candidates(numbers))
            except TextsTooLong as error:
                too_long = error if too_long is None else too_long.and_more(error)
                continue
            if not begin and not any(item.n_tokens for item in encoded):
                break  # a null model: it reads the texts themselves
            self._keep(numbers, encoded)
            progress.advance(len(numbers))
        progress.finish()
        if too_long is not None:
            raise too_long.of_all(len(todo))

    def _keep(self, numbers: NDArray[np.int64], encoded: Sequence[Encoded]) -> None:
        for number, item in zip(numbers, encoded, strict=True):
            self.lengths[number] = item.n_tokens
            self._truncated[number] = item.truncated
            self._place[number] = len(self._starts)
            self._rows = len(item.ids)
            for row, start in zip(item.ids, item.starts, strict=True):
                self._file.write(np.ascontiguousarray(row, np.int32).tobytes())
                self._starts.append(start)
                self._ends.append(self._ends[-1] + row.size * 4)

    def items(self, numbers: Sequence[int]) -> list[Encoded]:
        """These texts, in this order."""
        missing = [number for number in numbers if self._place[number] < 0]
        fresh = dict(
            zip(missing, self.model.encode(self.texts.candidates(missing)), strict=True)
            if missing
            else ()
        )
        return [fresh[number] if number in fresh else self._item(number) for number in numbers]

    def _item(self, number: int) -> Encoded:
        first = int(self._place[number])
        rows = range(first, first + self._rows)
        [candidate] = self.texts.candidates([number])
        return Encoded(
            candidate,
            tuple(self._row(row) for row in rows),
            tuple(self._starts[row] for row in rows),
            int(self.lengths[number]),
            bool(self._truncated[number]),
        )

    def _row(self, row: int) -> Ids:
        begin, end = self._ends[row], self._ends[row + 1]
        self._file.seek(begin)
        return np.frombuffer(self._file.read(end - begin), np.int32)
