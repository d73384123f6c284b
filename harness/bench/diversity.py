"""Measuring texts, beside the segmenter that it cannot do without."""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from harness.bench.made import made_texts
from harness.bench.pipe import pipe_table
from harness.errors import DataError
from harness.metrics.lines import decode_slowly
from harness.metrics.measures import measure
from harness.metrics.tokens import Segmenter, splitter, tokenize
from harness.metrics.workers import Workers
from harness.progress import Progress, Silent
from harness.records import Language, Text

Way = Callable[[], Any]


@dataclass(frozen=True, slots=True)
class Row:
    """One way, measured: characters a second, and its time over that of its bare segmenter."""

    way: str
    chars_per_second: float
    times_bare: float


@dataclass(frozen=True, slots=True)
class DiversityBench:
    """A table and what it was measured on."""

    rows: tuple[Row, ...]
    language: Language
    texts: int
    chars: int


def bench_diversity(
    *,
    language: Language = "zh",
    chars: int = 1_000_000,
    file: Path | None = None,
    processes: int = 1,
    repeats: int = 1,
    progress: Progress | None = None,
) -> DiversityBench:
    """Characters a second of the bare segmenter, of words, and of everything that is measured.

    The texts are those of `file`, JSONL of texts or pairs, over and over, or made from words as
    frequent as in the segmenter's dictionary; `chars` in all, at least. The segmenter is jieba,
    with rjieba beside it where it is installed; for English it is the word regex. Measuring runs
    in one process, and in `processes` if more, whose start counts.
    """
    progress = progress or Silent()
    source = _read(file) if file else made_texts(language, np.random.default_rng(0))
    texts = [
        Text(f"p{number}", "made", "made", language, text)
        for number, text in enumerate(_enough(source, chars))
    ]
    total = sum(len(text.text or "") for text in texts)
    segmenters = _segmenters(language)
    ways = {one: _ways(texts, one, processes) for one in segmenters}
    progress.start("measuring", sum(map(len, ways.values())) * repeats, "ways")
    rows = []
    for one in segmenters:
        # dictionary and libraries are loaded before any clock runs
        measure(texts[:1], {texts[0].prompt_id: ""}, segmenter=one)
        seconds = {name: _timed(way, repeats, progress) for name, way in ways[one].items()}
        bare = next(iter(seconds.values()))
        rows += [Row(name, total / took, took / bare) for name, took in seconds.items()]
    progress.finish()
    return DiversityBench(tuple(rows), language, len(texts), total)


def _timed(way: Way, repeats: int, progress: Progress) -> float:
    best = float("inf")
    for _ in range(repeats):
        began = time.perf_counter()
        way()
        best = min(best, time.perf_counter() - began)
        progress.advance(1)
    return best


def _segmenters(language: Language) -> tuple[Segmenter, ...]:
    both = language == "zh" and importlib.util.find_spec("rjieba") is not None
    return ("jieba", "rjieba") if both else ("jieba",)


def _ways(texts: Sequence[Text], segmenter: Segmenter, processes: int) -> dict[str, Way]:
    """The ways of one segmenter, the bare one first."""
    language = texts[0].language
    written = [text.text or "" for text in texts]
    split = _bare(language, segmenter)
    name = segmenter if language == "zh" else "word regex"

    def all_measures(processes: int) -> Way:
        prompts = {text.prompt_id: "" for text in texts}

        def way() -> Any:
            with Workers(processes) as workers:
                return measure(texts, prompts, segmenter=segmenter, workers=workers)

        return way

    ways: dict[str, Way] = {
        f"{name}, bare": lambda: [list(split(text)) for text in written],
        f"{name}, words": lambda: [tokenize(text, language, segmenter) for text in written],
        f"{name}, all measures": all_measures(1),
    }
    if processes > 1:
        ways[f"{name}, all measures, {processes} processes"] = all_measures(processes)
    return ways


def _bare(language: Language, segmenter: Segmenter) -> Callable[[str], Iterable[str]]:
    """A segmenter as anybody calls it."""
    if (language, segmenter) != ("zh", "jieba"):
        return splitter(language, segmenter)
    import jieba

    return jieba.cut  # type: ignore[no-any-return]


def _enough(source: Iterator[str], chars: int) -> Iterator[str]:
    """Texts until they hold that many characters."""
    done = 0
    while done < chars:
        text = next(source)
        done += len(text)
        yield text


def _read(file: Path) -> Iterator[str]:
    """The texts of a JSONL of texts or pairs, over and over."""
    texts: list[str] = []
    with file.open(encoding="utf-8") as stream:
        for number, line in enumerate(stream, 1):
            row = decode_slowly(line.encode(), dict[str, Any], f"{file.name} line {number}")
            sides = [row] if "response" in row else [row.get("chosen"), row.get("rejected")]
            found = [side.get("response") for side in sides if isinstance(side, dict)]
            known = [text for text in found if isinstance(text, str)]
            if len(known) < len(sides):
                raise DataError(
                    f"{file.name} line {number}: no response; a text has one, and a pair one in "
                    "chosen and in rejected"
                )
            texts += known
    if not any(texts):
        raise DataError(f"{file.name}: no text in it")
    while True:
        yield from texts


def markdown(bench: DiversityBench) -> str:
    """The table as documentation holds it."""
    table = pipe_table(
        [[row.way, f"{row.chars_per_second:,.0f}", f"{row.times_bare:.2f}x"] for row in bench.rows],
        ["way", "characters/s", "of the segmenter's time"],
        text=0,
    )
    return (
        f"Measuring texts, {bench.language}: {bench.texts:,} texts, {bench.chars:,} characters\n\n"
        f"{table}\n"
    )
