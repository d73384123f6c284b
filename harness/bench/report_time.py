"""Numbers and tables from many verdicts: seconds and memory of all that follows the last one."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.bench.apart import Timed, apart, command
from harness.bench.pipe import pipe_table
from harness.progress import Progress, Silent

VERDICTS = (10_000, 100_000, 1_000_000)
NUMBERS = "results.json anew"
WAYS: dict[str, tuple[str, ...]] = {
    "harness report RUN": (),
    "harness report RUN --by length": ("--by", "length"),
}


@dataclass(frozen=True, slots=True)
class Row:
    """One way over one run folder; `size` is that of its pairs and verdicts, in MiB."""

    scorer: str
    verdicts: int
    size: float
    way: str
    timed: Timed


def bench_report(
    *, verdicts: Sequence[int] = VERDICTS, progress: Progress | None = None
) -> tuple[Row, ...]:
    """Seconds and peak memory, each in a process of its own, from made verdicts on disk.

    `results.json anew` is what a run does after its last verdict: reading both files, every metric
    with its bootstraps and permutations, the report; its processor seconds count imports too, its
    seconds do not. The commands are timed whole. A judge has two verdicts a pair, and so an even
    number.
    """
    from harness.bench.made_run import SCORERS

    progress = progress or Silent()
    rows = []
    progress.start("measuring", len(verdicts) * len(SCORERS) * (len(WAYS) + 1), "ways")
    for scorer, orders in SCORERS.items():
        for asked in verdicts:
            count = -(-asked // len(orders)) * len(orders)
            with tempfile.TemporaryDirectory() as folder:
                run = Path(folder) / "run"
                apart(made, run, scorer, count)
                size = sum(file.stat().st_size for file in run.glob("*.jsonl")) / 2**20
                for way in (NUMBERS, *WAYS):
                    timed = _timed(way, run)
                    rows.append(Row(scorer, count, size, way, timed))
                    progress.advance(1)
    progress.finish()
    return tuple(rows)


def _timed(way: str, run: Path) -> Timed:
    if way == NUMBERS:
        return apart(recomputed, run)
    return command("report", str(run), *WAYS[way])


def made(run: Path, scorer: str, verdicts: int) -> float:
    """Make a run folder; what it took."""
    from harness.bench.made_run import make_run

    began = time.perf_counter()
    make_run(run, scorer, verdicts)  # type: ignore[arg-type]
    return time.perf_counter() - began


def recomputed(run: Path) -> float:
    """Make every number and the report of a finished run anew; the seconds without imports."""
    from harness.metrics.preference import METRICS, preference_results
    from harness.reports import write_report
    from harness.stored import read_run

    began = time.perf_counter()
    old = read_run(run)
    seed = int(old.results["seed"])
    numbers = preference_results(old.pairs, old.verdicts, metrics=list(METRICS), seed=seed)
    write_report(old.results | numbers)
    return time.perf_counter() - began


def markdown(rows: Sequence[Row]) -> str:
    """The table as documentation holds it."""
    table = pipe_table(
        [
            [
                row.scorer,
                f"{row.verdicts:,}",
                f"{row.size:,.0f}",
                row.way,
                f"{row.timed.seconds:.2f}",
                f"{row.timed.cpu:.2f}",
                f"{row.timed.peak:,.0f}",
            ]
            for row in rows
        ],
        ["verdicts of a", "verdicts", "files MiB", "way", "s", "processor s", "peak MiB"],
        text=(0, 3),
    )
    return (
        "From stored verdicts to numbers with intervals (2,000 resamples of clusters, 9,999 "
        f"permutations), each in a process of its own\n\n{table}\n"
    )
