"""The only batching rule: longest first, cut by a token budget. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

# The share of padding at which a padded batch is closed, however much budget is left.
MAX_PADDING = 0.03


@dataclass(frozen=True, slots=True)
class Budget:
    """How much may go into one forward pass.

    `max_tokens` counts computed tokens (padding included where `padded`); a text longer than
    that goes alone. `max_texts` is the user's --batch_size, or None.
    """

    max_tokens: int
    max_texts: int | None = None
    padded: bool = False

    def halved(self) -> Budget:
        """The next budget to try when a batch did not fit into memory."""
        texts = None if self.max_texts is None else max(1, self.max_texts // 2)
        return Budget(max(1, self.max_tokens // 2), texts, self.padded)


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """Batches of item numbers, and what they cost: a function of lengths, ids and budget.

    `order` (n,) are the items as they are taken, `ends` (batches,) where in it each batch ends.
    """

    order: NDArray[np.int64]
    ends: NDArray[np.int64]
    real_tokens: int
    computed_tokens: int
    sha256: str

    @property
    def batches(self) -> Batches:
        """The batches one after the other."""
        return Batches(self.order, self.ends)

    @property
    def padding_share(self) -> float:
        """Share of the computed tokens that are padding, 0 to 1."""
        if not self.computed_tokens:
            return 0.0
        return 1.0 - self.real_tokens / self.computed_tokens


class Batches(Sequence[tuple[int, ...]]):
    """The batches of a plan, each made into numbers when it is asked for."""

    def __init__(self, order: NDArray[np.int64], ends: NDArray[np.int64]) -> None:
        self._order, self._ends = order, ends

    def __len__(self) -> int:
        return len(self._ends)

    @overload
    def __getitem__(self, place: int) -> tuple[int, ...]: ...
    @overload
    def __getitem__(self, place: slice) -> list[tuple[int, ...]]: ...
    def __getitem__(self, place: int | slice) -> tuple[int, ...] | list[tuple[int, ...]]:
        if isinstance(place, slice):
            return [self[i] for i in range(*place.indices(len(self)))]
        number = range(len(self))[place]
        begin = self._ends[number - 1] if number else 0
        return tuple(self._order[begin : self._ends[number]].tolist())


def plan_batches(
    lengths: Sequence[int] | NDArray[np.int64],
    ids: Sequence[str] | NDArray[np.uint64],
    budget: Budget,
    groups: NDArray[np.uint64] | None = None,
) -> Plan:
    """Cut items into batches, longest first; equal lengths stand in the order of their ids.

    `groups` are keys of items that begin alike. In a pack they stand side by side, so that what
    they share can be computed once: the group with the longest item first. Padded batches take
    items of like length instead.

    Longest first because running out of memory then shows at once, and because neighbours of
    like length waste the least padding. The ids break ties so that the plan does not depend
    on the order of the file; ids that are numbers stand for their 16 hex digits. Where nothing
    has a length (a model that reads no tokens) the order is the given one.
    """
    sizes = np.asarray(lengths, dtype=np.int64)
    names = np.asarray(ids) if len(sizes) else np.zeros(0, np.uint64)
    if not sizes.any():
        order = np.arange(len(sizes))
    elif groups is None or budget.padded:
        order = np.lexsort((names, -sizes))
    else:
        order = np.lexsort((names, -sizes, groups, -_longest(sizes, groups)))
    ends: list[int] = []
    first = longest = real = computed = 0
    for place, length in enumerate(sizes[order].tolist()):
        if place > first and not _fits(longest, place - first, real, length, budget):
            ends.append(place)
            computed += longest * (place - first) if budget.padded else real
            first, real = place, 0
        if place == first:
            longest = length
        real += length
    if len(sizes):
        ends.append(len(sizes))
        computed += longest * (len(sizes) - first) if budget.padded else real
    plan = Plan(order, np.array(ends, np.int64), int(sizes.sum()), computed, "")
    return replace(plan, sha256=_digest(plan, names))


def _longest(sizes: NDArray[np.int64], groups: NDArray[np.uint64]) -> NDArray[np.int64]:
    """The longest length in the group of every item."""
    keys, group = np.unique(groups, return_inverse=True)
    longest = np.zeros(len(keys), np.int64)
    np.maximum.at(longest, group, sizes)
    found: NDArray[np.int64] = longest[group]
    return found


def _digest(plan: Plan, names: NDArray[Any]) -> str:
    digest = hashlib.sha256()
    numbers = names.dtype.kind == "u"
    for batch in plan.batches:
        found = names[list(batch)].tolist()
        line = " ".join(f"{name:016x}" for name in found) if numbers else " ".join(found)
        digest.update((line + "\n").encode())
    return digest.hexdigest()


def _fits(longest: int, texts: int, real: int, length: int, budget: Budget) -> bool:
    """Whether a text of `length` may join a batch of `texts` with `real` tokens."""
    if budget.max_texts is not None and texts >= budget.max_texts:
        return False
    real += length
    if not budget.padded:
        return real <= budget.max_tokens
    cost = longest * (texts + 1)
    return cost <= budget.max_tokens and real >= (1 - MAX_PADDING) * cost
