"""The distinct texts behind pairs: numbers and ids in memory, their words read when needed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.data.columns import PairColumns, columns
from harness.records import Candidate, Pair


@dataclass(frozen=True, slots=True)
class DistinctTexts:
    """Every text to score once, numbered in order of first appearance.

    `ids` (n,) are the texts' ids as numbers (`name` writes them as the files do), `places` (n,)
    where each stands first: 2 x pair, and 1 more where it is the rejected one. `of_pairs`
    (pairs, 2) has the numbers of every pair's chosen and rejected text.
    """

    pairs: Sequence[Pair]
    columns: PairColumns
    ids: NDArray[np.uint64]
    places: NDArray[np.int64]
    of_pairs: NDArray[np.int64]

    @property
    def prompts(self) -> NDArray[np.uint64]:
        """A key of every text's prompt."""
        return self.columns.prompt_key[self.places // 2]

    def __len__(self) -> int:
        return len(self.ids)

    def name(self, number: int) -> str:
        """The id of a text, as scores.jsonl has it."""
        return f"{int(self.ids[number]):016x}"

    def candidates(self, numbers: Iterable[int]) -> list[Candidate]:
        """The texts of these numbers."""
        return [self._candidate(int(number)) for number in numbers]

    def _candidate(self, number: int) -> Candidate:
        place, rejected = divmod(int(self.places[number]), 2)
        pair = self.pairs[place]
        side = pair.rejected if rejected else pair.chosen
        return Candidate(self.name(number), pair.language, pair.prompt, side.response)


def distinct_texts(pairs: Sequence[Pair]) -> DistinctTexts:
    """The texts of pairs; equal texts for equal prompts are one."""
    known = columns(pairs)
    flat = np.stack([known.chosen_id, known.rejected_id], axis=1).ravel()
    ids, first, inverse = np.unique(flat, return_index=True, return_inverse=True)
    order = np.argsort(first)
    number = np.empty(len(ids), dtype=np.int64)
    number[order] = np.arange(len(ids))
    return DistinctTexts(pairs, known, ids[order], first[order], number[inverse].reshape(-1, 2))
