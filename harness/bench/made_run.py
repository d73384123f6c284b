"""A finished run folder of any size: verdicts of a model that does not exist, clusters as real."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any, Literal

import numpy as np

from harness.bench.made import known_tags, prompt_sizes, text_chars
from harness.metrics.preference import METRICS, preference_results
from harness.progress import Silent
from harness.records import Order, Outcome, PairFacts, Verdict
from harness.reports import write_report
from harness.store import RunFolder, open_run

Scorer = Literal["reward model", "judge, both orders"]
SCORERS: dict[Scorer, tuple[Order | None, ...]] = {
    "reward model": (None,),
    "judge, both orders": ("chosen_first", "rejected_first"),
}

TASK = "demo_zh"
_BLOCK = 10_000  # records drawn and written at a time
_ANSWER = "第一篇的意象更集中，语言更克制，结尾也更有余味；第二篇的情节完整，但转折略显生硬。"
_FAILED: tuple[Outcome, ...] = ("tie", "unparsed", "error")


def make_run(path: Path, scorer: Scorer, verdicts: int, seed: int = 0) -> None:
    """A finished run folder with that many verdicts, its numbers made by the product.

    `verdicts` is a multiple of the scorer's orders, and not 0. Pairs have prompts in
    common as the published ones have, genres and prompts differ in how hard they are, a judge has
    a taste for what it is shown first, and a few verdicts fail.
    """
    orders = SCORERS[scorer]
    streams = np.random.default_rng(seed).spawn(2)
    with open_run(RunFolder, path, fresh=True, progress=Silent()) as folder:
        facts = list(islice(_pairs(streams[0]), verdicts // len(orders)))
        folder.write_pairs(facts)
        verdict = _verdicts(facts, orders, streams[1])
        while block := list(islice(verdict, _BLOCK)):
            folder.append_verdicts(block)
        tables = folder.tables()
        numbers = preference_results(*tables, metrics=list(METRICS), seed=seed)
        model = {"name": "made", "backend": "made", "revision": None, "dtype": None}
        judge = {"name": "made", "sha256": "0" * 64} if len(orders) > 1 else None
        clusters = facts[-1].cluster + 1
        data = {
            **{"file": "made.jsonl", "sha256": "0" * 64, "n": len(facts), "prompts": clusters},
            **{"clusters": clusters, "replaced": True, "dropped_rows": 0, "left_out": 0},
            "gold_ties": 0,
        }
        head = {"schema": 1, "task": TASK, "kind": "preference", "language": "zh", "seed": seed}
        results: dict[str, Any] = {**head, "model": model, "judge": judge, "data": data, **numbers}
        about = {"schema": 1, "task": TASK, "metrics": list(METRICS), "model": model}
        folder.save_manifest(**about, identity={}, judge=judge, settings={}, counts={})
        folder.finish(results, write_report(results))


def _pairs(rng: np.random.Generator) -> Iterator[PairFacts]:
    """Pairs without end, a cluster a prompt."""
    tags = known_tags()
    number = 0
    for cluster, size in enumerate(prompt_sizes(rng)):
        tag, genre = tags[cluster % len(tags)]
        for _ in range(size):
            if number % _BLOCK == 0:
                chars = text_chars(rng, "zh", 2 * _BLOCK).reshape(-1, 2).tolist()
            chosen, rejected = chars[number % _BLOCK]
            yield PairFacts(
                *(f"{number:016x}", f"made-{cluster}", tag, genre, "zh", cluster),
                *(f"{2 * number:016x}", f"{2 * number + 1:016x}", chosen, rejected),
                *(f"model-{number % 20}", f"model-{number % 19}", 1.0 + number % 3, 0.0),
            )
            number += 1


def _verdicts(
    pairs: list[PairFacts], orders: tuple[Order | None, ...], rng: np.random.Generator
) -> Iterator[Verdict]:
    """A verdict for each pair and order; a tenth of the spread is of the prompt."""
    clusters = pairs[-1].cluster + 1
    hard = rng.normal(0.0, 0.3, clusters).tolist()
    genres = {genre: float(rng.normal(0.3, 0.2)) for genre in sorted({p.genre for p in pairs})}
    for begin in range(0, len(pairs), _BLOCK):
        block = pairs[begin : begin + _BLOCK]
        noise = rng.normal(0.0, 1.0, (len(block), 1 + len(orders)))
        failed = rng.random((len(block), len(orders)))
        for pair, row, misses in zip(block, noise.tolist(), failed.tolist(), strict=True):
            mean = genres[pair.genre] + hard[pair.cluster] + row[0]
            for order, drawn, miss in zip(orders, row[1:], misses, strict=True):
                taste = {None: 0.0, "chosen_first": 0.2, "rejected_first": -0.2}[order]
                margin = mean + taste + 0.5 * drawn
                yield _verdict(pair, order, margin, miss)


def _verdict(pair: PairFacts, order: Order | None, margin: float, miss: float) -> Verdict:
    outcome: Outcome = "chosen" if margin > 0 else "rejected"
    if miss < 0.03:  # one in a hundred of each kind
        outcome = _FAILED[int(miss * 100)]
    head = (pair.pair_id, pair.prompt_id, pair.tag, pair.genre, pair.language, order, outcome)
    reason = {"unparsed": "no label", "error": "no answer"}.get(outcome)
    if order is None:
        known = {"chosen": margin, "rejected": margin, "tie": 0.0}.get(outcome)
        return Verdict(*head, margin=known, reason=reason, truncated=miss > 0.99)
    first = (outcome == "chosen") == (order == "chosen_first")
    label = {"tie": "[[C]]", "unparsed": "", "error": ""}.get(
        outcome, "[[A]]" if first else "[[B]]"
    )
    raw = None if outcome == "error" else f"{_ANSWER}{label}"
    return Verdict(
        *head, raw=raw, reason=reason, finish_reason="stop", tokens_in=2_000, tokens_out=60
    )
