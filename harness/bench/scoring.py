"""Reward scoring: the usual way, one text at a time, padded and packed, in one run."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from harness.batching import Budget, Plan, plan_batches
from harness.bench.inputs import SHAPES, make_classifier, make_pairs
from harness.bench.pipe import pipe_table
from harness.models.base import Ids
from harness.progress import Progress, Silent

USUAL_BATCH = 8
Way = Callable[[], tuple[dict[int, float], float]]  # scores by text, share of padding


@dataclass(frozen=True, slots=True)
class Row:
    """One way, measured."""

    way: str
    tokens_per_second: float
    times_usual: float
    share_of_peak: float
    padding_share: float
    max_difference: float


@dataclass(frozen=True, slots=True)
class ScoringBench:
    """A table and what it was measured on."""

    rows: tuple[Row, ...]
    texts: int
    tokens: int
    peak_flops: float
    device: str
    dtype: str
    shape: str
    threads: int


def bench_scoring(
    *,
    shape: str,
    device: str,
    dtype: str,
    pairs: int,
    file: Path | None,
    longest: int = 8192,
    max_batch_tokens: int | None = None,
    repeats: int = 1,
    progress: Progress | None = None,
) -> ScoringBench:
    """Real tokens a second of each way on the same model and texts, after a warm-up on two pairs.

    The share of the peak is useful operations over time over the best matmul measured here in
    the same precision. The difference is the largest against every text alone.
    """
    import torch

    progress = progress or Silent()
    size = SHAPES[shape]
    texts = make_pairs(size, count=pairs, file=file, longest=longest)
    model = make_classifier(size, device=device, dtype=dtype)
    lengths = [len(text) for pair in texts for text in pair]
    peak = matmul_peak(device, dtype)
    ways = _ways(model, texts, max_batch_tokens)
    for warm in _ways(model, texts[:2], max_batch_tokens).values():
        warm()
    progress.start("measuring", len(ways) * repeats, "ways")
    timed = {name: _timed(way, device, repeats, progress) for name, way in ways.items()}
    progress.finish()
    alone = timed["one at a time"][1]
    usual = timed["given order, batch of 8"][0]
    rows = [
        Row(
            name,
            sum(lengths) / seconds,
            usual / seconds,
            size.operations(lengths) / seconds / peak,
            padding,
            max(abs(scores[i] - alone[i]) for i in alone),
        )
        for name, (seconds, scores, padding) in timed.items()
    ]
    return ScoringBench(
        tuple(rows), len(lengths), sum(lengths), peak, _device_name(device), dtype, shape,
        torch.get_num_threads(),
    )  # fmt: skip


def _timed(
    way: Way, device: str, repeats: int, progress: Progress
) -> tuple[float, dict[int, float], float]:
    best = float("inf")
    for _ in range(repeats):
        _settle(device)
        began = time.perf_counter()
        scores, padding = way()
        _settle(device)
        best = min(best, time.perf_counter() - began)
        progress.advance(1)
    return best, scores, padding


def _ways(model: Any, texts: Sequence[tuple[Ids, Ids]], max_tokens: int | None) -> dict[str, Way]:
    """The usual way calls the classifier as it is; ours go through the product's engine."""
    import torch

    from harness.models.attention import PACKED, register
    from harness.models.engine import Engine, default_tokens
    from harness.models.loading import make_head

    register()
    rows = [text for pair in texts for text in pair]
    lengths, ids = [len(row) for row in rows], [f"{i:09d}" for i in range(len(rows))]
    head = make_head(dict(model.score.state_dict()), "score", 1, "bench")
    engines = {kind: Engine(model.model, kind) for kind in ("padded", "packed")}
    config = model.config.to_dict()

    def budget(kind: Any) -> Budget:
        tokens = max_tokens or default_tokens(kind, engines[kind].device, config)
        return Budget(tokens, padded=kind == "padded")

    def engine_way(kind: str, plan: Plan) -> Way:
        def way() -> tuple[dict[int, float], float]:
            model.model.set_attn_implementation(PACKED if kind == "packed" else "sdpa")
            scores: dict[int, float] = {}
            for batch in plan.batches:
                places = [slice(-1, None)] * len(batch)
                states = engines[kind].hidden([rows[i] for i in batch], places)
                with torch.inference_mode():
                    values = head(torch.cat(states))[:, 0].cpu()
                scores |= {i: float(v) for i, v in zip(batch, values, strict=True)}
            return scores, plan.padding_share

        return way

    return {
        "given order, batch of 8": lambda: _usual_way(model, texts),
        "one at a time": engine_way("padded", plan_batches(lengths, ids, Budget(1, 1, True))),
        "sorted, padded": engine_way("padded", plan_batches(lengths, ids, budget("padded"))),
        "packed (default)": engine_way("packed", plan_batches(lengths, ids, budget("packed"))),
    }


def _usual_way(model: Any, texts: Sequence[tuple[Ids, Ids]]) -> tuple[dict[int, float], float]:
    """Dataset order, a fixed batch, chosen and rejected in forwards of their own."""
    import torch

    model.set_attn_implementation("sdpa")
    scores: dict[int, float] = {}
    computed = real = 0
    for begin in range(0, len(texts), USUAL_BATCH):
        for side in (0, 1):
            batch = [pair[side] for pair in texts[begin : begin + USUAL_BATCH]]
            longest = max(map(len, batch))
            block = np.zeros((len(batch), longest), dtype=np.int64)
            for row, text in zip(block, batch, strict=True):
                row[: len(text)] = text
            ids = torch.as_tensor(block, device=model.device)
            with torch.inference_mode():
                # ids are never 0, so the mask is where the padding is not
                logits = model(input_ids=ids, attention_mask=(ids != 0).long()).logits[:, 0]
            for offset, value in enumerate(logits.float().cpu().tolist()):
                scores[2 * (begin + offset) + side] = value
            computed, real = computed + block.size, real + sum(map(len, batch))
    return scores, 1.0 - real / computed


def matmul_peak(device: str, dtype: str) -> float:
    """The best rate of a plain matmul over a few sizes, in operations a second."""
    import torch

    sizes = (1024, 2048) if device == "cpu" else (4096, 8192, 12288)
    best = 0.0
    for n in sizes:
        a = torch.randn(n, n, device=device).to(getattr(torch, dtype))
        b = torch.randn(n, n, device=device).to(getattr(torch, dtype))
        for _ in range(6):
            _settle(device)
            began = time.perf_counter()
            a @ b
            _settle(device)
            best = max(best, 2.0 * n**3 / (time.perf_counter() - began))
    return best


def _settle(device: str) -> None:
    import torch

    if device == "cuda":
        torch.cuda.synchronize()


def _device_name(device: str) -> str:
    import platform

    import torch

    return torch.cuda.get_device_name() if device == "cuda" else f"cpu {platform.machine()}"


def markdown(bench: ScoringBench) -> str:
    """The table as documentation holds it."""
    table = pipe_table(
        [
            [
                row.way,
                f"{row.tokens_per_second:,.0f}",
                f"{row.times_usual:.2f}x",
                f"{100 * row.share_of_peak:.0f} %",
                f"{100 * row.padding_share:.1f} %",
                f"{row.max_difference:.1e}",
            ]
            for row in bench.rows
        ],
        ["way", "tokens/s", "of the usual", "of matmul peak", "padding", "off from alone"],
        text=0,
    )
    where = f"{bench.device}, {bench.threads} threads" if "cpu" in bench.device else bench.device
    return (
        f"Scoring, {bench.shape} Qwen2 classifier in {bench.dtype} on {where}: "
        f"{bench.texts:,} texts, {bench.tokens:,} tokens; best matmul "
        f"{bench.peak_flops / 1e9:,.0f} GFLOP/s\n\n{table}\n"
    )
