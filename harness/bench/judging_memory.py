"""The memory of a judging run over its number of calls."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.bench.judging import judged
from harness.bench.latency_server import serving
from harness.bench.pipe import pipe_table
from harness.bench.ways import HARNESS, Load, measure
from harness.progress import Progress, Silent


@dataclass(frozen=True, slots=True)
class MemoryRow:
    """A run of the harness of some size, and the most memory its process ever held, in MiB."""

    calls: int
    pairs: int
    data: float
    seconds: float
    peak: float


def bench_judging_memory(
    *,
    latency: float,
    concurrency: int,
    calls: Sequence[int] = (1_000, 20_000),
    file: Path | None = None,
    judge: str = "pairwise",
    progress: Progress | None = None,
) -> tuple[MemoryRow, ...]:
    """Peak memory of the harness over the number of calls: of the same pairs, repeated, and of
    ever more pairs, which have to be held themselves."""
    progress = progress or Silent()
    few = calls[0]
    sizes = [(few, 1), *((few, n // few) for n in calls[1:]), *((n, 1) for n in calls[1:])]
    rows = []
    progress.start("measuring", len(sizes), "runs")
    with serving(latency) as server, tempfile.TemporaryDirectory() as folder:
        for size, repeats in sizes:
            asked = repeated_judge(judge, repeats, Path(folder))
            with judged(size, file) as pairs:
                load = Load(server.base_url, pairs, str(asked), concurrency)
                timed = measure(HARNESS, load, None)
                data = pairs.stat().st_size / 2**20
            rows.append(MemoryRow(server.seen().calls, size // 2, data, timed.seconds, timed.peak))
            progress.advance(1)
    progress.finish()
    return tuple(rows)


def repeated_judge(name: str, repeats: int, folder: Path) -> Path:
    """A judge's file with another number of repeats, in a folder."""
    import yaml

    from harness.spec_files import load_any
    from harness.specs import PairwiseJudge

    judge = load_any("judges", name, (PairwiseJudge,), "judge")
    path = folder / f"repeats_{repeats}.yaml"
    spec = judge.model_dump(mode="json", exclude_unset=True) | {"repeats": repeats}
    path.write_text(yaml.safe_dump(spec, allow_unicode=True), encoding="utf-8")
    return path


def memory_markdown(rows: Sequence[MemoryRow], latency: float, concurrency: int) -> str:
    """The table of `bench_judging_memory`."""
    table = pipe_table(
        [
            [
                f"{row.calls:,}",
                f"{row.pairs:,}",
                f"{row.data:.1f}",
                f"{row.seconds:.1f}",
                f"{row.calls / row.seconds:,.0f}",
                f"{row.peak:.0f}",
            ]
            for row in rows
        ],
        ["calls", "pairs", "data MiB", "s", "calls/s", "peak MiB"],
    )
    return (
        f"Memory of `harness run`, {concurrency} calls in flight to a server that answers after "
        f"{latency:g} s\n\n{table}\n"
    )
