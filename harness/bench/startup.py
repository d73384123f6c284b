"""Start-up: how long a command takes that has next to nothing to do."""

from __future__ import annotations

import importlib.util
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

from harness.bench.apart import harness_command
from harness.bench.pipe import pipe_table
from harness.errors import HarnessError
from harness.progress import Progress, Silent

BARE = "python -c pass"
_LONG = 5.0  # seconds from which one more run has to do


@dataclass(frozen=True, slots=True)
class Start:
    """A command, and the seconds of each of its runs."""

    command: str
    seconds: tuple[float, ...]

    @property
    def median(self) -> float:
        """The middle one."""
        return statistics.median(self.seconds)


@dataclass(frozen=True, slots=True)
class StartBench:
    """The rows of the table; `left_out` says which could not be measured, and why."""

    rows: tuple[Start, ...]
    left_out: tuple[str, ...]


def bench_start(
    *, repeats: int = 11, lm_eval: bool = True, progress: Progress | None = None
) -> StartBench:
    """Seconds from the start of a command to its exit, after one run that is not counted.

    Every command runs once in every round, so that a busy minute of the machine meets all.
    A command that takes over 5 s is run once more and no oftener; lm-eval's stand beside where it
    is installed.
    """
    progress = progress or Silent()
    lines = _ours()
    left_out = []
    if lm_eval and importlib.util.find_spec("lm_eval") is None:
        left_out.append("lm_eval: lm-eval is not installed")
    elif lm_eval:
        lines |= _theirs()
    progress.start("measuring", len(lines) * (repeats + 1), "starts")
    runs: dict[str, int] = {}
    for name, line in lines.items():
        runs[name] = 1 if _seconds(name, line) > _LONG else repeats
        progress.advance(1 + repeats - runs[name])
    found: dict[str, list[float]] = {name: [] for name in lines}
    for again in range(repeats):
        for name, line in lines.items():
            if again < runs[name]:
                found[name].append(_seconds(name, line))
                progress.advance(1)
    progress.finish()
    rows = tuple(Start(name, tuple(seconds)) for name, seconds in found.items())
    return StartBench(rows, tuple(left_out))


def _ours() -> dict[str, list[str]]:
    typed = (("--help",), ("ls", "tasks"), ("report", "--help"))
    commands = {" ".join(["harness", *words]): [*harness_command(), *words] for words in typed}
    return {BARE: [sys.executable, "-c", "pass"]} | commands


def _theirs() -> dict[str, list[str]]:
    typed = (("--help",), ("ls", "tasks"))
    start = [sys.executable, "-m", "lm_eval"]
    return {" ".join(["lm_eval", *words]): [*start, *words] for words in typed}


def _seconds(name: str, line: Sequence[str]) -> float:
    began = time.perf_counter()
    done = subprocess.run(
        line, capture_output=True, check=False, env=os.environ | {"HF_HUB_OFFLINE": "1"}
    )
    seconds = time.perf_counter() - began
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        raise HarnessError(f"{name}, as measured, failed: {said[-1] if said else 'no word'}")
    return seconds


def markdown(bench: StartBench) -> str:
    """The table as documentation holds it."""
    bare = bench.rows[0].median
    table = pipe_table(
        [
            [
                row.command,
                str(len(row.seconds)),
                f"{row.median:.3f}",
                f"{min(row.seconds):.3f}",
                f"{max(row.seconds):.3f}",
                f"{row.median / bare:.1f}x",
            ]
            for row in bench.rows
        ],
        ["command", "runs", "median s", "fastest", "slowest", "of bare Python"],
        text=0,
    )
    left_out = "".join(f"\nLeft out: {one}.\n" for one in bench.left_out)
    return f"From start to exit\n\n{table}\n{left_out}"
