"""The scores of a job, as columns over the numbers of its texts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from harness.records import Score
from harness.scoring.texts import DistinctTexts


class ScoreTable:
    """Which texts have been scored, and how.

    Columns (n,): `done` whether a line was written in this job or a finite score stood on disk,
    `value` (NaN where there is no finite score), `n_tokens`, `truncated`.
    """

    def __init__(self, size: int) -> None:
        self.done = np.zeros(size, np.bool_)
        self.value = np.full(size, np.nan)
        self.n_tokens = np.zeros(size, np.int32)
        self.truncated = np.zeros(size, np.bool_)
        self.failed = 0  # lines of this job without a finite score

    def read(self, texts: DistinctTexts, lines: Iterable[Score]) -> None:
        """Take over lines of scores.jsonl; a text whose last line has no score is to do again."""
        order = np.argsort(texts.ids)
        ids = texts.ids[order]
        for line in lines:
            wanted = np.uint64(int(line.id, 16))
            at = int(np.searchsorted(ids, wanted))
            if at < len(ids) and ids[at] == wanted:
                self._set(int(order[at]), line)
        self.done &= np.isfinite(self.value)

    def put(self, numbers: Sequence[int], lines: Sequence[Score]) -> None:
        """Scores that were just written."""
        for number, line in zip(numbers, lines, strict=True):
            self._set(number, line)
            self.failed += line.score is None

    def _set(self, number: int, line: Score) -> None:
        self.done[number] = True
        self.value[number] = np.nan if line.score is None else line.score
        self.n_tokens[number] = line.n_tokens
        self.truncated[number] = line.truncated
