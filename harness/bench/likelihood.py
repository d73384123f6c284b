"""Likelihoods: our road beside lm-eval's `hf` back-end, for a small and a real vocabulary."""

from __future__ import annotations

import dataclasses
import statistics
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.bench.checkpoints import save_causal
from harness.bench.inputs import SHAPES, drawn_pairs
from harness.bench.likelihood_ways import (
    EIGHT,
    ONE,
    OURS,
    Setting,
    Summed,
    TooLarge,
    missing,
    summed,
)
from harness.bench.pipe import pipe_table
from harness.bench.rounds import in_turn, spread
from harness.bench.scoring import device_name
from harness.bench.scoring_ways import token_counts
from harness.progress import Progress, Silent

REAL_VOCABULARY = 152_064


@dataclass(frozen=True, slots=True)
class Row:
    """One way with one vocabulary: medians over rounds, half their range over the median.

    `loaded` and `peak` are the memory of its process in MiB, with the model loaded and at most;
    `difference` is the largest of a sum against ours, `largest` the largest sum. None where the
    way ran out of memory.
    """

    way: str
    vocabulary: int
    seconds: float | None = None
    spread: float | None = None
    tokens_per_second: float | None = None
    loaded: float | None = None
    peak: float | None = None
    difference: float | None = None


@dataclass(frozen=True, slots=True)
class LikelihoodBench:
    """A table and what it was measured on; `left_out` says which ways could not be, and why."""

    rows: tuple[Row, ...]
    texts: int
    tokens: int
    largest: float
    device: str
    dtype: str
    shape: str
    repeats: int
    left_out: tuple[str, ...]


def bench_likelihood(
    *,
    shape: str,
    device: str,
    dtype: str,
    pairs: int,
    file: Path | None,
    longest: int = 2048,
    repeats: int = 1,
    progress: Progress | None = None,
) -> LikelihoodBench:
    """Each way in a process of its own, in turn; the sums are of response and end-of-turn token.

    Loading and one pair as a warm-up are not counted. lm-eval takes its softmax in float32, as
    ours always does. `longest` is in characters of a text: eight texts of 5,000 tokens, whose
    logits lm-eval holds at once, would take 24 GB for each copy.
    """
    progress = progress or Silent()
    size = SHAPES[shape]
    drawn = drawn_pairs(count=pairs, file=file, longest=longest)
    ways = (OURS,) if missing() else (ONE, EIGHT, OURS)
    rows: list[Row] = []
    for vocabulary in dict.fromkeys((size.vocabulary, REAL_VOCABULARY)):
        changed = dataclasses.replace(size, vocabulary=vocabulary)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "model"
            progress.notice(f"making a checkpoint with a vocabulary of {vocabulary:,}")
            save_causal(path, changed, drawn, device=device, dtype=dtype, learned=size.vocabulary)
            setting = Setting(path, tuple(drawn), device, dtype, Path(folder) / "sums.json")
            calls = {way: _call(way, setting) for way in ways}
            found = in_turn(calls, repeats, progress)
            lengths = token_counts(path, drawn)
        rows += _rows(found, vocabulary, sum(lengths))
        # every way of every vocabulary reads the same texts
        ours = _known(found[OURS])
        largest = max(map(abs, ours[0].sums.values())) if ours else 0.0
    return LikelihoodBench(
        tuple(rows), len(lengths), sum(lengths), largest,
        device_name(device), dtype, shape, repeats,
        ("lm-eval: not installed",) if missing() else (),
    )  # fmt: skip


def _call(way: str, setting: Setting) -> Callable[[], Summed | None]:
    def call() -> Summed | None:
        try:
            return summed(way, setting)
        except TooLarge:
            return None

    return call


def _known(found: Sequence[Summed | None]) -> list[Summed]:
    return [one for one in found if one is not None]


def _rows(found: Mapping[str, Sequence[Summed | None]], vocabulary: int, tokens: int) -> list[Row]:
    ours = _known(found[OURS])
    rows = []
    for way, rounds in found.items():
        known = _known(rounds)
        if len(known) < len(rounds):
            rows.append(Row(way, vocabulary))
            continue
        taken = [one.seconds for one in known]
        seconds = statistics.median(taken)
        difference = None
        if ours:
            mine, theirs = ours[0].sums, known[0].sums
            difference = max(abs(theirs[key] - mine[key]) for key in mine)
        rows.append(
            Row(
                way,
                vocabulary,
                seconds,
                spread(taken),
                tokens / seconds,
                statistics.median(one.loaded for one in known),
                max(one.peak for one in known),
                difference,
            )
        )
    return rows


def likelihood_markdown(bench: LikelihoodBench) -> str:
    """The table as documentation holds it."""
    table = pipe_table(
        [_cells(row, bench.repeats) for row in bench.rows],
        ["vocabulary", "way", "s", "+-", "tokens/s", "MiB loaded", "MiB at most", "off from ours"],
        text=1,
    )
    left_out = "".join(f"\nLeft out: {one}.\n" for one in bench.left_out)
    return (
        f"Log-likelihoods, {bench.shape} Qwen2 in {bench.dtype} on {bench.device}, softmax in "
        f"float32: {bench.texts:,} texts, {bench.tokens:,} tokens, sums down to "
        f"{-bench.largest:,.0f}; median of {bench.repeats}\n\n{table}\n{left_out}"
    )


def _cells(row: Row, repeats: int) -> list[str]:
    head = [f"{row.vocabulary:,}", row.way]
    if row.seconds is None:
        return [*head, "out of memory", "", "", "", "", ""]
    assert row.spread is not None and row.loaded is not None and row.peak is not None
    return [
        *head,
        f"{row.seconds:.2f}",
        f"{100 * row.spread:.0f} %" if repeats > 1 else "",
        f"{row.tokens_per_second:,.0f}",
        f"{row.loaded:,.0f}",
        f"{row.peak:,.0f}",
        "" if row.difference is None else f"{row.difference:.1e}",
    ]
