"""Submissions held against their own verdicts, their task and each other; no model is asked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from harness.errors import DataError
from harness.leaderboard.boards import Board
from harness.leaderboard.entries import Submission, read_submission
from harness.leaderboard.verify.across import check_across
from harness.leaderboard.verify.case import Case, Standard, standard_of
from harness.leaderboard.verify.findings import Finding, limited, note
from harness.leaderboard.verify.identity import check_identity
from harness.leaderboard.verify.kinds import CHECKS
from harness.leaderboard.verify.numbers import version_note
from harness.leaderboard.verify.pairs import check_board
from harness.leaderboard.verify.parts import check_lines, check_sums

__all__ = [
    "Finding", "Standard", "Verified", "standard_of", "verify_board", "verify_submission",
]  # fmt: skip

UNSEEN = (
    "recomputed, not reproduced: a consistent forgery cannot be told from verdicts alone "
    "(docs/design.md 5.20)"
)


@dataclass(frozen=True, slots=True)
class Verified:
    """What came of one file: `findings` are faults, `notes` what could not be checked.

    `submission` is null where the archive itself could not be read.
    """

    path: Path
    board: str
    submission: Submission | None
    findings: tuple[Finding, ...]
    notes: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing was found."""
        return not self.findings


def verify_submission(path: Path, standard: Standard) -> Verified:
    """Every check of one file by itself; all findings, not the first alone."""
    try:
        submission = read_submission(path)
    except DataError as error:
        lines = [line.removeprefix(f"{path}: ") for line in str(error).split("\n")]
        found = tuple(Finding("archive", line) for line in lines)
        return Verified(path, standard.board, None, found, ())
    found = tuple(limited(_checks(submission, standard)))
    faults = tuple(one for one in found if not one.note)
    notes = tuple(one for one in found if one.note)
    return Verified(path, standard.board, submission, faults, notes)


def verify_board(board: Board, *, paths: Sequence[Path] | None = None) -> list[Verified]:
    """The submissions of a board (or these files of it), each by itself and beside the others."""
    standard = standard_of(board)
    found = [verify_submission(path, standard) for path in board.submissions]
    whole = [one.submission for one in found if one.submission is not None and not _torn(one)]
    more: dict[Path, list[Finding]] = {}
    for submission, finding in check_across(whole):
        more.setdefault(submission.path, []).append(finding)
    found = [
        replace(one, findings=(*one.findings, *more.get(one.path, ()))) if one.path in more else one
        for one in found
    ]
    return found if paths is None else [one for one in found if one.path in set(paths)]


def _torn(verified: Verified) -> bool:
    """Whether parts of it are not even records."""
    return any(one.check in ("archive", "schema") for one in verified.findings)


def _checks(submission: Submission, standard: Standard) -> Iterator[Finding]:
    yield from version_note(submission)
    yield from check_sums(submission)
    broken = False
    for finding in check_lines(submission):
        broken = True
        yield finding
    if broken:
        yield note("numbers", "nothing more was checked, as its parts are not what they should be")
        return
    with submission.unpacked() as folder:
        case = Case(submission, folder, standard)
        yield from check_board(case)
        yield from check_identity(case)
        yield from CHECKS[submission.kind](case)
    yield note("numbers", UNSEEN)
