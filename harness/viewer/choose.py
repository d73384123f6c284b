"""Which view a run folder has, by its kind."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from harness.errors import UsageError
from harness.stored import read_results
from harness.viewer.arenas import arena_view
from harness.viewer.items import View
from harness.viewer.judges import judges_view
from harness.viewer.page import render
from harness.viewer.writers import writers_view


def view_page(
    run: Path,
    other: Path | None = None,
    *,
    data: Mapping[str, Path] | None = None,
    runs: Path | None = None,
    include: tuple[Path, ...] = (),
) -> str:
    """One HTML page of a finished run, or of two of the same kind side by side.

    `data` replaces the file a task's texts are read from, `runs` is where the runs of an arena's
    players lie, `include` holds the user's own tasks. UsageError where the two do not go together
    or an argument is of no use, DataError for what cannot be read.
    """
    folders = [run] if other is None else [run, other]
    kinds = [str(read_results(folder)[1].get("kind")) for folder in folders]
    if len(set(kinds)) > 1:
        raise UsageError(f"{run} is of kind {kinds[0]}, {other} of kind {kinds[1]}")
    kind = kinds[0]
    if data and kind != "preference":
        raise UsageError(f"--data is for runs over pairs; {run} holds its own texts")
    if runs is not None and kind != "arena":
        raise UsageError(f"--runs is for arenas; {run} is of kind {kind}")
    if kind == "arena" and other is not None:
        raise UsageError(f"{run}: one arena at a time")
    return render(_view(kind, folders, data or {}, runs, include))


def _view(
    kind: str,
    folders: list[Path],
    data: Mapping[str, Path],
    runs: Path | None,
    include: tuple[Path, ...],
) -> View:
    if kind == "arena":
        return arena_view(folders[0], runs=runs)
    if kind == "writing":
        return writers_view(folders)
    return judges_view(folders, data=data, include=include)
