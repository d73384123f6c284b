"""Work in a process of its own: how long it took, and the most memory that process ever held."""

from __future__ import annotations

import multiprocessing
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.errors import HarnessError

_MIB = 2**20 if sys.platform == "darwin" else 2**10  # ru_maxrss counts bytes there, else KiB
_SHOWN = 500  # characters of what a command that failed said


@dataclass(frozen=True, slots=True)
class Timed:
    """Seconds that some work took, the processor seconds of its process and of what that started,
    and the most memory it ever held, in MiB."""

    seconds: float
    cpu: float
    peak: float


def apart(work: Callable[..., float], *arguments: Any) -> Timed:
    """Call a function of a module in a new process; it returns the seconds that count.

    Raises what it raises, and HarnessError where its process was killed.
    """
    context = multiprocessing.get_context("spawn")
    try:
        with ProcessPoolExecutor(1, context) as pool:
            return pool.submit(_timed, work, arguments).result()
    except BrokenProcessPool:
        raise HarnessError(
            "a measured process was killed, most likely for want of memory; ask for less of it"
        ) from None


def _timed(work: Callable[..., float], arguments: tuple[Any, ...]) -> Timed:
    before = _cpu()
    return Timed(work(*arguments), _cpu() - before, peak_memory())


def _cpu() -> float:
    """Processor seconds of this process and of the children that it has waited for."""
    spent = os.times()
    return spent.user + spent.system + spent.children_user + spent.children_system


def command(*arguments: str) -> Timed:
    """`harness ARGUMENTS` as it is typed, from its start to its exit, which must be 0."""
    return program([*harness_command(), *arguments])


def program(line: Sequence[str]) -> Timed:
    """Any command, from its start to its exit, which must be 0.

    A small process starts it: the peak of one that ran counts what stood there before, too.
    """
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, context) as pool:
        return pool.submit(_program, list(line)).result()


def harness_command() -> list[str]:
    """What stands for `harness` on a command line: the script beside this interpreter."""
    script = Path(sys.executable).parent / "harness"
    return [str(script)] if script.is_file() else [sys.executable, "-m", "harness"]


def _program(line: list[str]) -> Timed:
    began = time.perf_counter()
    with subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        said = process.stderr.read().decode(errors="replace").strip()
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        what = " ".join([Path(line[0]).name, *line[1:3]])
        raise HarnessError(f"{what}, as measured, failed ({process.returncode}): {said[-_SHOWN:]}")
    return Timed(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / _MIB)


def peak_memory() -> float:
    """The most memory this process ever held, in MiB."""
    status = Path("/proc/self/status")
    if status.is_file():  # ru_maxrss counts what stood here before exec as well
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / _MIB
