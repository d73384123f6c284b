"""The judging job: a pairwise judge sees a pair in one order or both, and chooses."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Literal

from harness.models.base import PairJudge
from harness.records import Order, Pair, Verdict

Orders = Literal["both", "seeded"]


def orders_of(pair: Pair, orders: Orders, seed: int) -> tuple[Order, ...]:
    """Both orders, or the one that sha256(seed, pair_id) picks (docs/design.md 5.2)."""
    if orders == "both":
        return ("chosen_first", "rejected_first")
    digest = hashlib.sha256(f"{seed}\0{pair.pair_id}".encode()).digest()
    return ("chosen_first",) if digest[0] % 2 == 0 else ("rejected_first",)


def judge_pairs(
    pairs: Sequence[Pair],
    judge: PairJudge,
    *,
    orders: Orders,
    seed: int,
    attempts: Mapping[tuple[str, str | None, int], int],
    write: Callable[[Sequence[Verdict]], None],
) -> None:
    """Write one verdict a pair and order for those that have none yet."""
    for pair in pairs:
        lines = [
            _verdict(pair, order, judge)
            for order in orders_of(pair, orders, seed)
            if (pair.pair_id, order, 0) not in attempts
        ]
        if lines:
            write(lines)


def _verdict(pair: Pair, order: Order, judge: PairJudge) -> Verdict:
    sides = (pair.chosen, pair.rejected)
    first, second = sides if order == "chosen_first" else sides[::-1]
    picked = (first, second)[judge.choose(pair.prompt, first.response, second.response)]
    return Verdict(
        pair.pair_id,
        pair.prompt_id,
        pair.tag,
        pair.genre,
        pair.language,
        order,
        "chosen" if picked is pair.chosen else "rejected",
    )
