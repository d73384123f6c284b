"""Everything that stands on a board, from its folder: verified, ranked and audited."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from harness.leaderboard.audit import FAILING, audit
from harness.leaderboard.audit_findings import Finding
from harness.leaderboard.boards import Board
from harness.leaderboard.published import board_published
from harness.leaderboard.rows import (
    LeftOut,
    Row,
    left_out,
    null_rows,
    ranked,
    submitted,
)
from harness.leaderboard.rows_rank import rank
from harness.leaderboard.rows_reported import reported_arenas, reported_rows, reported_writers
from harness.leaderboard.submit import board_task
from harness.leaderboard.verify import verify_board
from harness.reports.writing_tables import writing_table
from harness.specs import WritingSpec

_GRAVEST = (*FAILING, "repeat", "std", "suspicious")


@dataclass(frozen=True, slots=True)
class BoardArena:
    """An arena on a board of a writing task: `results` are those of its results.json, or a
    paper's win rates recounted (`reported`)."""

    title: str
    results: Mapping[str, Any]
    reported: bool


@dataclass(frozen=True, slots=True)
class BoardRows:
    """A board's content; `rows` best first, `findings` what the audit says of reported ones."""

    board: Board
    language: str
    writing: bool
    rows: tuple[Row, ...]
    arenas: tuple[BoardArena, ...] = ()
    findings: tuple[Finding, ...] = ()
    left_out: tuple[LeftOut, ...] = ()

    @property
    def own(self) -> list[Row]:
        """Submissions and null rows."""
        return [row for row in self.rows if row.kind != "reported"]

    @property
    def reported(self) -> list[Row]:
        """What papers report."""
        return [row for row in self.rows if row.kind == "reported"]


def gather(board: Board) -> BoardRows:
    """Verify every submission, leave out those with findings, rank the rest, audit the papers."""
    task = board_task(board)
    verified = verify_board(board)
    good = [one.submission for one in verified if one.ok and one.submission is not None]
    published = board_published(board)
    writing = isinstance(task, WritingSpec)
    findings = (
        [one for one in audit(published) if one.language == task.language] if published else []
    )
    findings.sort(key=lambda one: _GRAVEST.index(one.finding))
    if writing:
        arenas = [
            BoardArena("Arena as reported", results, True)
            for results in reported_arenas(published, task.language)
        ]
        arenas += [
            BoardArena(f"Arena {one.path.stem}", one.results, False)
            for one in good
            if one.kind == "arena"
        ]
        wrote = submitted([one for one in good if one.kind == "writing"], writing_table)
        rows = [
            *sorted(wrote, key=lambda row: row.name),
            *reported_writers(published, task.language),
        ]
    else:
        arenas = []
        runs = [one for one in good if one.kind == "preference"]
        own = submitted(runs)
        rows = ranked(
            [*own, *null_rows(board.nulls), *reported_rows(published, task.language)],
            rank(own, runs),
        )
    return BoardRows(
        board, task.language, writing, tuple(rows), tuple(arenas), tuple(findings),
        left_out(verified),
    )  # fmt: skip
