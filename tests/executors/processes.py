"""The worker processes of ray that belong to a process, by what /proc says of them."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path


def workers(ancestor: int, doing: str = "") -> list[int]:
    """The processes of actors below a process; ray names them by class and method."""
    parents: dict[int, int] = {}
    named: list[int] = []
    for folder in Path("/proc").iterdir():
        if not folder.name.isdecimal():
            continue
        try:
            command = (folder / "cmdline").read_bytes()
            status = (folder / "stat").read_text()
        except OSError:  # it ended meanwhile
            continue
        parents[int(folder.name)] = int(status.rpartition(")")[2].split()[1])
        if command.startswith(f"ray::Worker{doing}".encode()):
            named.append(int(folder.name))
    return [one for one in named if _below(one, ancestor, parents)]


def _below(one: int, ancestor: int, parents: dict[int, int]) -> bool:
    while one in parents and one != ancestor:
        one = parents[one]
    return one == ancestor


def kill(process: int) -> None:
    os.kill(process, signal.SIGKILL)


def until(happens: Callable[[], bool], seconds: float = 120) -> None:
    """Wait for something; AssertionError where it never happens."""
    end = time.monotonic() + seconds
    while not happens():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.02)


def lines(folder: Path, name: str) -> int:
    """Whole lines of a JSONL somewhere below a folder; 0 where there is none."""
    return sum(file.read_bytes().count(b"\n") for file in folder.rglob(name))
