"""Reward scoring: the usual way, one text at a time, padded and packed, in one run."""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from harness.bench.checkpoints import save_classifier
from harness.bench.inputs import SHAPES, Shape, drawn_pairs
from harness.bench.peak import matmul_peak
from harness.bench.pipe import pipe_table
from harness.bench.rounds import in_turn, spread, times
from harness.bench.scoring_ways import (
    ALONE,
    USUAL,
    Scored,
    Setting,
    scoring_ways,
    token_counts,
)
from harness.progress import Progress, Silent


@dataclass(frozen=True, slots=True)
class Row:
    """One way, measured: medians over rounds, and half their range over the median."""

    way: str
    seconds: float
    spread: float
    tokens_per_second: float
    times_usual: float
    share_of_peak: float
    padding_share: float
    max_difference: float


@dataclass(frozen=True, slots=True)
class ScoringBench:
    """A table and what it was measured on; `texts` and `tokens` are of distinct texts."""

    rows: tuple[Row, ...]
    texts: int
    tokens: int
    peak_flops: float
    device: str
    dtype: str
    shape: str
    threads: int
    repeats: int


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
    """Each way from strings to scores, in turn, on one checkpoint, after a warm-up on two pairs.

    Ours are the road of `harness run`: recipe, tokens, plan, engine, head; loading is not
    counted. The share of the peak is useful operations, over time, over the best matmul measured
    here in the same precision, before and after. The difference is the largest against every
    text alone. `longest` is in characters of a text.
    """
    import torch

    progress = progress or Silent()
    size = SHAPES[shape]
    drawn = drawn_pairs(count=pairs, file=file, longest=longest)
    with tempfile.TemporaryDirectory() as folder:
        progress.notice("making a checkpoint")
        save_classifier(Path(folder), size, drawn, device=device, dtype=dtype)
        ways = scoring_ways(Setting(Path(folder), device, dtype, max_batch_tokens))
        for way in ways.values():
            way(drawn[:2])
        peak = matmul_peak(device, dtype)
        found = in_turn({n: partial(way, drawn) for n, way in ways.items()}, repeats, progress)
        lengths = token_counts(Path(folder), drawn)
    peak = max(peak, matmul_peak(device, dtype))
    return ScoringBench(
        tuple(_row(name, found, size, lengths, peak) for name in found),
        len(lengths), sum(lengths), peak, device_name(device), dtype, shape,
        torch.get_num_threads(), repeats,
    )  # fmt: skip


def _row(
    name: str, found: dict[str, list[Scored]], size: Shape, lengths: Sequence[int], peak: float
) -> Row:
    taken = [one.seconds for one in found[name]]
    usual = [one.seconds for one in found[USUAL]]
    seconds = statistics.median(taken)
    scores, alone = found[name][0].scores, found[ALONE][0].scores
    return Row(
        name,
        seconds,
        spread(taken),
        sum(lengths) / seconds,
        times(usual, taken),
        size.operations(lengths) / seconds / peak,
        found[name][0].padding,
        max(abs(scores[key] - alone[key]) for key in alone),
    )


def device_name(device: str) -> str:
    """What the device is called in a table."""
    import platform

    import torch

    return torch.cuda.get_device_name() if device == "cuda" else f"cpu {platform.machine()}"


def markdown(bench: ScoringBench) -> str:
    """The table as documentation holds it."""
    table = pipe_table(
        [
            [
                row.way,
                f"{row.seconds:.2f}",
                f"{100 * row.spread:.0f} %" if bench.repeats > 1 else "",
                f"{row.tokens_per_second:,.0f}",
                f"{row.times_usual:.2f}x",
                f"{100 * row.share_of_peak:.0f} %",
                f"{100 * row.padding_share:.1f} %",
                f"{row.max_difference:.1e}",
            ]
            for row in bench.rows
        ],
        [
            "way", "s", "+-", "tokens/s", "of the usual", "of matmul peak", "padding",
            "off from alone",
        ],
        text=0,
    )  # fmt: skip
    where = f"{bench.device}, {bench.threads} threads" if "cpu" in bench.device else bench.device
    return (
        f"Scoring, {bench.shape} Qwen2 classifier in {bench.dtype} on {where}: "
        f"{bench.texts:,} texts, {bench.tokens:,} tokens; best matmul "
        f"{bench.peak_flops / 1e9:,.0f} GFLOP/s; median of {bench.repeats}\n\n{table}\n"
    )
