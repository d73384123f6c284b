"""Finds what neighbouring texts begin with in common, so that it is computed once. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from harness.models.base import Ids

_WORTH = 0.02  # share of the tokens that must be saved; below it the copies cost more


@dataclass(frozen=True, slots=True)
class Shared:
    """A pack in which a token that stands in several texts is computed once.

    `rows` (tokens of all texts,) is the computed row of every token; `firsts` (computed rows,)
    is the token each row was made from.
    """

    rows: NDArray[np.int64]
    firsts: NDArray[np.int64]


def shared_prefixes(ids: Sequence[Ids]) -> Shared | None:
    """What each text has in common with the beginning of the one before it; None if little.

    A causal network gives tokens the same states whenever all before them are the same.
    """
    common = [0, *(_common(a, b) for a, b in pairwise(ids))]
    total = sum(map(len, ids))
    if sum(common) < _WORTH * total:
        return None
    rows: list[NDArray[np.int64]] = []
    firsts: list[NDArray[np.int64]] = []
    begin = computed = 0
    for text, same in zip(ids, common, strict=True):
        own = len(text) - same
        fresh = np.arange(computed, computed + own)
        rows.append(np.concatenate([rows[-1][:same], fresh]) if same else fresh)
        firsts.append(np.arange(begin + same, begin + len(text)))
        begin, computed = begin + len(text), computed + own
    return Shared(np.concatenate(rows), np.concatenate(firsts))


def _common(one: Ids, other: Ids) -> int:
    """How many ids two rows begin with in common."""
    length = min(len(one), len(other))
    differ = np.flatnonzero(one[:length] != other[:length])
    return int(differ[0]) if len(differ) else length
