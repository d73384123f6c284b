"""From paths on the command line to the runs and arenas of a report or a comparison."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from harness.errors import DataError, UsageError
from harness.reports.arena import Arena
from harness.reports.overall import Entry, make_entries
from harness.stored import (
    PAIRS,
    PROMPTS,
    VERDICTS,
    FinishedRun,
    find_runs,
    read_measures,
    read_results,
    read_run,
    read_tables,
)

_RUN = ("task", "language", "model", "data", "metrics", "genres", "tags")
_ARENA = ("runs", "n", "win_rate", "bradley_terry", "genres", "languages", "order")
_BEGUN = (PAIRS, PROMPTS, VERDICTS)  # what is there before there are results


@dataclass(frozen=True, slots=True)
class Found:
    """What a report is of: the runs of each task, all of one kind, and arenas."""

    tasks: tuple[tuple[Entry, ...], ...]
    arenas: tuple[Arena, ...]


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
        begun = {file.parent for name in _BEGUN for file in path.rglob(name)}
        unfinished += sorted(begun.difference(below))
    return list(found.values()), unfinished


def run_results(folder: Path) -> dict[str, Any]:
    """results.json of a finished run, with all that a report needs."""
    _, results = read_results(folder)
    needed = _ARENA if results.get("kind") == "arena" else _RUN
    missing = [key for key in needed if key not in results]
    if missing:
        raise DataError(
            f"{folder}: results.json has no {', '.join(missing)}; run the same command again "
            "with --fresh"
        )
    return results


def whole_run(folder: Path) -> FinishedRun:
    """A finished run over pairs with its tables, its results checked as `run_results` does.

    UsageError for what has no pairs.
    """
    kind = run_results(folder).get("kind")
    if kind in ("writing", "arena"):
        what = "a run that wrote" if kind == "writing" else "an arena"
        raise UsageError(
            f"{folder}: {what}, and only runs over the same pairs can be compared so; "
            "`harness report` shows runs that wrote side by side, `harness arena` has them judged"
        )
    return read_run(folder)


def find_all(folders: Sequence[Path]) -> Found:
    """The arenas, and the runs of each task: tasks by name, names that tell runs apart; the best
    run over pairs first, runs that wrote by name."""
    tasks: dict[tuple[str, str], list[tuple[Path, dict[str, Any]]]] = {}
    arenas = []
    for folder in folders:
        results = run_results(folder)
        if results.get("kind") == "arena":
            arenas.append(Arena(folder.resolve().name, results))
        else:
            task = str(results["task"]), str(results.get("kind"))
            tasks.setdefault(task, []).append((folder, results))
    return Found(tuple(_entries(tasks[task]) for task in sorted(tasks)), tuple(arenas))


def _entries(runs: Sequence[tuple[Path, dict[str, Any]]]) -> tuple[Entry, ...]:
    wrote = runs[0][1].get("kind") == "writing"
    return tuple(
        make_entries(
            [(folder.resolve().name, results) for folder, results in runs],
            tables=None if wrote else [partial(read_tables, folder) for folder, _ in runs],
            measures=[partial(read_measures, folder) for folder, _ in runs] if wrote else None,
        )
    )
