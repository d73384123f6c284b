"""The only batching rule: longest first, cut by a token budget. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

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


@dataclass(frozen=True, slots=True)
class Plan:
    """Batches of item numbers, and what they cost: a function of lengths, ids and budget."""

    batches: tuple[tuple[int, ...], ...]
    real_tokens: int
    computed_tokens: int
    sha256: str

    @property
    def padding_share(self) -> float:
        """Share of the computed tokens that are padding, 0 to 1."""
        if not self.computed_tokens:
            return 0.0
        return 1.0 - self.real_tokens / self.computed_tokens


def plan_batches(lengths: Sequence[int], ids: Sequence[str], budget: Budget) -> Plan:
    """Cut items into batches, longest first; equal lengths stand in the order of their ids.

    Longest first because running out of memory then shows at once, and because neighbours of
    like length waste the least padding. The ids break ties so that the plan does not depend
    on the order of the file.
    """
    order = sorted(range(len(lengths)), key=lambda i: (-lengths[i], ids[i]))
    batches: list[tuple[int, ...]] = []
    current: list[int] = []
    real = computed = 0
    for item in order:
        if current and not _fits(lengths[current[0]], len(current), real, lengths[item], budget):
            batches.append(tuple(current))
            computed += lengths[current[0]] * len(current) if budget.padded else real
            current, real = [], 0
        current.append(item)
        real += lengths[item]
    if current:
        batches.append(tuple(current))
        computed += lengths[current[0]] * len(current) if budget.padded else real
    digest = hashlib.sha256()
    for batch in batches:
        digest.update((" ".join(ids[item] for item in batch) + "\n").encode())
    return Plan(tuple(batches), sum(lengths), computed, digest.hexdigest())


def _fits(longest: int, texts: int, real: int, length: int, budget: Budget) -> bool:
    """Whether a text of `length` may join a batch of `texts` with `real` tokens."""
    if budget.max_texts is not None and texts >= budget.max_texts:
        return False
    real += length
    if not budget.padded:
        return real <= budget.max_tokens
    cost = longest * (texts + 1)
    return cost <= budget.max_tokens and real >= (1 - MAX_PADDING) * cost
