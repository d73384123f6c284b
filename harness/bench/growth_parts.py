"""The pieces of work whose growth is measured: what each is given, and what is run on it."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from harness.bench.apart import Timed, apart, command
from harness.bench.made import write_pair_file, write_text_files
from harness.bench.report_time import made, recomputed

TASK, WRITING_TASK = "demo_zh", "demo_writing_zh"  # their data is replaced


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of work: `times` as many `unit`s as pairs are asked for, run in a folder."""

    about: str
    unit: str
    times: float
    run: Callable[[int, Path], Timed]


def _read(units: int, folder: Path) -> Timed:
    file = folder / "pairs.jsonl"
    apart(_write_pairs, file, units)
    return apart(read, file)


def read(file: Path) -> float:
    """Read and check a file of pairs as a run does; the seconds without imports."""
    from harness.data import load_pairs
    from harness.request import RunRequest, resolve_tasks
    from harness.specs import TaskSpec

    [task] = resolve_tasks(RunRequest(tasks=(TASK,), model=""))
    assert isinstance(task.spec, TaskSpec)
    began = time.perf_counter()
    load_pairs(task.spec, file=file, home=task.home)
    return time.perf_counter() - began


def _score(units: int, folder: Path) -> Timed:
    return _run(units, folder, "--model", "baseline:length")


def _judge(units: int, folder: Path) -> Timed:
    return _run(units // 2, folder, "--model", "fake:hash", "--judge", "pairwise")


def _run(pairs: int, folder: Path, *model: str) -> Timed:
    file = folder / "pairs.jsonl"
    apart(_write_pairs, file, pairs)
    out = str(folder / "results")
    return command("run", "--tasks", TASK, "--data", f"{TASK}={file}", "--output_path", out, *model)


def _measure(units: int, folder: Path) -> Timed:
    prompts, texts = folder / "prompts.jsonl", folder / "texts.jsonl"
    apart(_write_texts, prompts, texts, units)
    return command(
        *("run", "--tasks", WRITING_TASK, "--data", f"{WRITING_TASK}={prompts}"),
        *("--output_path", str(folder / "results"), "--model", f"texts:{texts}"),
    )


def _report(units: int, folder: Path) -> Timed:
    apart(made, folder / "run", "reward model", units)
    return apart(recomputed, folder / "run")


def _write_pairs(file: Path, pairs: int) -> float:
    write_pair_file(file, pairs)
    return 0.0


def _write_texts(prompts: Path, texts: Path, count: int) -> float:
    write_text_files(prompts, texts, count)
    return 0.0


PARTS = {
    "read": Part("reading and checking a JSONL of pairs", "pairs", 1.0, _read),
    "score": Part("`harness run --model baseline:length`", "pairs", 1.0, _score),
    "judge": Part("`harness run --model fake:hash`, both orders", "calls", 0.5, _judge),
    "measure": Part("`harness run --model texts:FILE`, all measures", "texts", 0.03125, _measure),
    "report": Part("results.json and report from verdicts on disk", "verdicts", 4.0, _report),
}


def run_part(part: Part, units: int) -> Timed:
    """One size of a part, in a process and a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        return part.run(units, Path(folder))
