"""Which texts a judge sees first: both orders, or one that a seed picks for each pair."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence

from harness.records import Order, Orders, Pair, VerdictKey


def orders_of(pair: Pair, orders: Orders, seed: int) -> tuple[Order, ...]:
    """Both orders, or the one that sha256(seed, pair_id) picks (docs/design.md 5.2)."""
    if orders == "both":
        return ("chosen_first", "rejected_first")
    digest = hashlib.sha256(f"{seed}\0{pair.pair_id}".encode()).digest()
    return ("chosen_first",) if digest[0] % 2 == 0 else ("rejected_first",)


def verdict_keys(
    pairs: Sequence[Pair], *, orders: Orders, seed: int, repeats: int
) -> Iterator[tuple[VerdictKey, Pair]]:
    """Every verdict a pairwise judge owes, pair by pair."""
    for pair in pairs:
        for order in orders_of(pair, orders, seed):
            for repeat in range(repeats):
                yield (pair.pair_id, order, repeat), pair


def shown(pair: Pair, order: Order | None) -> tuple[str, str]:
    """Both texts in the order they are shown."""
    if order == "chosen_first":
        return pair.chosen.response, pair.rejected.response
    return pair.rejected.response, pair.chosen.response
