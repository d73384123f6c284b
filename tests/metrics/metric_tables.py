"""Small tables for the tests of the statistics, built through the real parsers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from harness.metrics.table import PairTable, VerdictTable, pair_table, verdict_table

ORDERS = ("chosen_first", "rejected_first")


def pair_line(number: int, **changes: Any) -> bytes:
    """A line of pairs.jsonl for pair p<number>, with fields changed at will."""
    record = {
        "pair_id": f"p{number}",
        "prompt_id": f"q{number}",
        "tag": "story",
        "genre": "Fiction",
        "language": "en",
        "cluster": number,
        "chosen_id": f"c{number}",
        "rejected_id": f"r{number}",
        "chosen_chars": 200,
        "rejected_chars": 100,
        "chosen_model": "m1",
        "rejected_model": "m2",
        "chosen_score": 3,
        "rejected_score": 1,
    }
    return (json.dumps(record | changes, ensure_ascii=False) + "\n").encode()


def verdict_line(pair_id: str, outcome: str, order: str | None = None, **changes: Any) -> bytes:
    """A line of verdicts.jsonl, with fields changed at will."""
    record = {
        "pair_id": pair_id,
        "prompt_id": "q",
        "tag": "story",
        "genre": "Fiction",
        "language": "en",
        "order": order,
        "outcome": outcome,
        "margin": None,
        "raw": None,
        "reason": None,
        "repeat": 0,
        "attempt": 1,
        "finish_reason": None,
        "tokens_in": None,
        "tokens_out": None,
        "truncated": False,
    }
    return (json.dumps(record | changes, ensure_ascii=False) + "\n").encode()


def tables(
    outcomes: Sequence[str | Sequence[str]], **columns: Sequence[Any]
) -> tuple[PairTable, VerdictTable]:
    """A pair an entry: its outcome without an order, or its outcomes in either order.

    `columns` give other fields of the pairs, a value a pair.
    """
    pairs = pair_table(
        pair_line(i, **{name: column[i] for name, column in columns.items()})
        for i in range(len(outcomes))
    )
    lines = []
    for i, outcome in enumerate(outcomes):
        if isinstance(outcome, str):
            lines.append(verdict_line(f"p{i}", outcome))
        else:
            lines += [
                verdict_line(f"p{i}", name, order)
                for name, order in zip(outcome, ORDERS, strict=True)
            ]
    return pairs, verdict_table(pairs, lines)


def random_run(
    seed: int, n: int = 60, clusters: int = 25, genres: int = 3
) -> tuple[list[bytes], list[bytes]]:
    """Lines of pairs and verdicts (both orders) of a run decided by chance."""
    rng = np.random.default_rng(seed)
    pairs, verdicts = [], []
    for i in range(n):
        genre = int(rng.integers(genres))
        pairs.append(
            pair_line(
                i,
                cluster=int(rng.integers(clusters)),
                genre=f"G{genre}",
                tag=f"t{genre}{int(rng.integers(2))}",
                chosen_chars=int(rng.integers(50, 60)),
                rejected_chars=int(rng.integers(50, 60)),
            )
        )
        for order in ORDERS:
            outcome = rng.choice(
                ["chosen", "rejected", "tie", "unparsed", "error"], p=[0.5, 0.3, 0.1, 0.05, 0.05]
            )
            verdicts.append(verdict_line(f"p{i}", str(outcome), order))
    return pairs, verdicts
