"""Judging: the wall time of many calls against the best a fixed-latency server allows."""

from __future__ import annotations

import json
import math
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path

from harness.bench.apart import command
from harness.bench.inputs import official_row
from harness.bench.latency_server import MODEL, serving
from harness.bench.machine import usable_cores
from harness.bench.made import write_pair_file
from harness.bench.pipe import pipe_table
from harness.bench.ways import TASK, WAYS, Load, measure, missing
from harness.data.fetch import read_file
from harness.data.wpb import read_pairs
from harness.errors import DataError
from harness.progress import Progress, Silent

COMMAND = "harness run, the whole command"
ROUNDS = 8  # calls one after the other on every connection, where no number of calls is given


@dataclass(frozen=True, slots=True)
class Row:
    """One way at one number of calls in flight; `most` is what the server saw at one time."""

    concurrency: int
    calls: int
    way: str
    seconds: float
    ideal: float
    most: int

    @property
    def ratio(self) -> float:
        """How many times the ideal it took."""
        return self.seconds / self.ideal


@dataclass(frozen=True, slots=True)
class JudgingBench:
    """A table and what it was measured on; `left_out` says which ways could not be, and why."""

    rows: tuple[Row, ...]
    latency: float
    judge: str
    cores: int
    left_out: tuple[str, ...]


def ideal_seconds(calls: int, latency: float, concurrency: int) -> float:
    """The wall time of calls that cost nothing but their latency."""
    return calls * latency / concurrency


def whole_rounds(calls: int | None, concurrency: int) -> int:
    """Calls that fill every connection equally often, and two a pair: at least those asked for."""
    step = concurrency if concurrency % 2 == 0 else 2 * concurrency
    return step * math.ceil((calls or ROUNDS * concurrency) / step)


def bench_judging(
    *,
    latency: float,
    concurrencies: Sequence[int],
    calls: int | None = None,
    file: Path | None = None,
    judge: str = "pairwise",
    progress: Progress | None = None,
) -> JudgingBench:
    """Seconds of each way for the same calls to the same server, after a warm-up of two rounds.

    The calls are those of a pairwise judge in both orders, on the pairs of a file or on random
    ones of real lengths. The command is timed by itself, cold: start, data, results and all.
    """
    progress = progress or Silent()
    out = {way: package for way in WAYS if (package := missing(way))}
    ways = [way for way in WAYS if way not in out]
    rows = []
    progress.start("measuring", len(concurrencies) * (len(ways) + 1), "ways")
    with serving(latency) as server:
        for concurrency in concurrencies:
            count = whole_rounds(calls, concurrency)
            ideal = ideal_seconds(count, latency, concurrency)
            with judged(count, file) as pairs, judged(2 * concurrency, file) as warm:
                load = Load(server.base_url, pairs, judge, concurrency)
                for way in (*ways, COMMAND):
                    seconds = _seconds(way, load, warm)
                    most = server.seen().most
                    rows.append(Row(concurrency, count, way, seconds, ideal, most))
                    progress.advance(1)
    progress.finish()
    left_out = tuple(f"{way}: {package} is not installed" for way, package in out.items())
    return JudgingBench(tuple(rows), latency, judge, usable_cores(), left_out)


@contextmanager
def judged(calls: int, file: Path | None) -> Iterator[Path]:
    """A temporary JSONL of the pairs that so many calls, two a pair, judge."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "pairs.jsonl"
        write_judged(path, calls // 2, file)
        yield path


def write_judged(path: Path, count: int, file: Path | None) -> None:
    """A JSONL of `count` pairs: those of a file, over and over, or made ones of real lengths.

    Raises DataError for a file that holds no pairs.
    """
    if file is None:
        write_pair_file(path, count)
        return
    found = read_pairs(read_file(file), name=file.name, language="zh", genre_of=str).pairs
    if not found:
        raise DataError(f"{file.name}: no pair in it")
    with path.open("w", encoding="utf-8") as stream:
        for pair in islice(cycle(found), count):
            stream.write(json.dumps(official_row(pair), ensure_ascii=False) + "\n")


def _seconds(way: str, load: Load, warm: Path) -> float:
    return _command(load) if way == COMMAND else measure(way, load, warm).seconds


def _command(load: Load) -> float:
    """`harness run` as it is typed, from start to exit."""
    with tempfile.TemporaryDirectory() as folder:
        return command(
            *("run", "--tasks", TASK, "--data", f"{TASK}={load.pairs}", "--output_path", folder),
            *("--model", f"openai:{MODEL}", "--model_args", f"base_url={load.base_url}"),
            *("--judge", load.judge, "--num_concurrent", str(load.concurrency)),
        ).seconds


def markdown(bench: JudgingBench) -> str:
    """The table as documentation holds it."""
    table = pipe_table(
        [
            [
                str(row.concurrency),
                f"{row.calls:,}",
                row.way,
                f"{row.ideal:.2f}",
                f"{row.seconds:.2f}",
                f"{row.ratio:.3f}",
                str(row.most),
            ]
            for row in bench.rows
        ],
        ["in flight", "calls", "way", "ideal s", "s", "of the ideal", "most in flight"],
        text=2,
    )
    left_out = "".join(f"\nLeft out: {one}.\n" for one in bench.left_out)
    return (
        f"Judging by `{bench.judge}` against a server that answers after {bench.latency:g} s, "
        f"client and server on {bench.cores} cores; ideal = calls x latency / in flight\n\n"
        f"{table}\n{left_out}"
    )
