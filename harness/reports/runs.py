"""From paths on the command line to the runs of a report or a comparison."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from harness.errors import DataError, UsageError
from harness.reports.overall import Entry, make_entries
from harness.stored import PAIRS, FinishedRun, find_runs, read_results, read_run, read_tables

_NEEDED = ("task", "language", "model", "data", "metrics", "genres", "tags")


def run_folders(paths: Iterable[Path]) -> tuple[list[Path], list[Path]]:
    """The finished run folders at or below the paths, each once and in order; the unfinished
    ones below them.

    UsageError where a path is no folder, DataError where one holds no finished run.
    """
    found: dict[Path, Path] = {}
    unfinished: list[Path] = []
    for path in paths:
        if not path.is_dir():
            raise UsageError(
                f"{path}: {'a file, not a' if path.exists() else 'no such'} run folder"
            )
        below = find_runs(path)
        if not below:
            raise DataError(f"{path}: no finished run here or below; `harness run` makes them")
        for folder in below:
            found.setdefault(folder.resolve(), folder)
        unfinished += [f.parent for f in sorted(path.rglob(PAIRS)) if f.parent not in set(below)]
    return list(found.values()), unfinished


def run_results(folder: Path) -> dict[str, Any]:
    """results.json of a finished run, with all that a report needs."""
    _, results = read_results(folder)
    missing = [key for key in _NEEDED if key not in results]
    if missing:
        raise DataError(
            f"{folder}: results.json has no {', '.join(missing)}; run the same command again "
            "with --fresh"
        )
    return results


def whole_run(folder: Path) -> FinishedRun:
    """A finished run with its tables, its results checked as `run_results` does."""
    run_results(folder)
    return read_run(folder)


def by_task(folders: Sequence[Path]) -> list[list[Entry]]:
    """The runs of each task, tasks by name, best run first, names that tell them apart."""
    tasks: dict[str, list[tuple[Path, dict[str, Any]]]] = {}
    for folder in folders:
        results = run_results(folder)
        tasks.setdefault(str(results["task"]), []).append((folder, results))
    return [
        make_entries(
            [(folder.resolve().name, results) for folder, results in tasks[task]],
            [partial(read_tables, folder) for folder, _ in tasks[task]],
        )
        for task in sorted(tasks)
    ]
