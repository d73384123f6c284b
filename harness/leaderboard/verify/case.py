"""What a submission is held against: its board's task, and the task's data where it is at hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.data import Dataset, PromptSet, load_pairs, load_prompts, verify_source
from harness.data.fetch import NotAtHandError
from harness.leaderboard.boards import Board
from harness.leaderboard.entries import Submission, at
from harness.leaderboard.submit import board_task
from harness.specs import AnyTask, TaskSpec


@dataclass(frozen=True, slots=True)
class Standard:
    """A board, its task and, where it is at hand, the task's data; `given` says that the data came
    by --data, so that a run over it is looked at by itself and not as one of the board."""

    board: str
    task: AnyTask
    data: Dataset | PromptSet | None
    given: bool = False


def standard_of(board: Board, file: Path | None = None) -> Standard:
    """The standard of a board; nothing is fetched. `file` stands in for the task's own data.

    DataError where the data do not hold.
    """
    task = board_task(board)
    if file is None:
        try:
            verify_source(task, at_hand=True)
        except NotAtHandError:
            return Standard(board.spec.name, task, None)
    # bad rows are told as such, not as an end of all checks
    if isinstance(task, TaskSpec):
        pairs = load_pairs(task, file=file, bad_rows="drop")
        return Standard(board.spec.name, task, pairs, file is not None)
    prompts = load_prompts(task, file=file, bad_rows="drop")
    return Standard(board.spec.name, task, prompts, file is not None)


@dataclass(frozen=True, slots=True)
class Case:
    """A submission whose parts are what they should be, unpacked into `folder`, and what it is
    held against."""

    submission: Submission
    folder: Path
    standard: Standard

    @property
    def manifest(self) -> dict[str, Any]:
        """manifest.json, as a stranger wrote it."""
        return self.submission.manifest

    @property
    def results(self) -> dict[str, Any]:
        """results.json, as a stranger wrote it."""
        return self.submission.results

    @property
    def identity(self) -> Mapping[str, Any]:
        """What the manifest says the run is named by; empty where it is no object."""
        found = at(self.manifest, "identity")
        return found if isinstance(found, dict) else {}

    @property
    def seed(self) -> int | None:
        """The seed of the run, or None where it is none."""
        seed = self.results.get("seed")
        known = isinstance(seed, int) and not isinstance(seed, bool) and 0 <= seed < 2**63
        return seed if known else None
