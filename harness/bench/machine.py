"""The machine that figures come from, in words that name no host and no path."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from harness.versions import environment

_PACKAGES = ("torch", "transformers", "lm-eval", "rewardbench", "vllm", "numpy", "jieba", "rjieba")


@dataclass(frozen=True, slots=True)
class Machine:
    """`memory` is in GiB, `graphics` the names of the GPUs, `versions` by package."""

    processor: str
    cores: int
    memory: float | None
    graphics: tuple[str, ...]
    system: str
    versions: dict[str, str]


def this_machine() -> Machine:
    """What is here: cores that this process may use, memory of the whole machine."""
    found = environment()["versions"]
    return Machine(
        processor=_processor(),
        cores=usable_cores(),
        memory=_memory(),
        graphics=_graphics(),
        system=platform.system(),
        versions={name: found[name] for name in ("python", *_PACKAGES) if name in found},
    )


def usable_cores() -> int:
    """The cores that this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _processor() -> str:
    file = Path("/proc/cpuinfo")
    if file.is_file():
        for line in file.read_text(errors="replace").splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name":
                return value.strip()
    return platform.processor() or platform.machine()


def _memory() -> float | None:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    except (ValueError, OSError):
        return None


def _graphics() -> tuple[str, ...]:
    program = shutil.which("nvidia-smi")
    if program is None:
        return ()
    query = [program, "--query-gpu=name", "--format=csv,noheader"]
    done = subprocess.run(query, capture_output=True, text=True, check=False)
    return (
        tuple(filter(None, map(str.strip, done.stdout.splitlines()))) if not done.returncode else ()
    )


def machine_markdown(machine: Machine) -> str:
    """A sentence or two."""
    memory = f", {machine.memory:.0f} GiB" if machine.memory is not None else ""
    graphics = f", {', '.join(machine.graphics)}" if machine.graphics else ", no GPU"
    versions = ", ".join(f"{name} {version}" for name, version in machine.versions.items())
    cores = f"{machine.cores} core{'s' if machine.cores != 1 else ''}"
    return f"{machine.processor}, {cores}{memory}{graphics}; {machine.system}. {versions}.\n"
