"""Submissions verified for the command line: what its words name, and what is said of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.errors import UsageError, unknown_name

if TYPE_CHECKING:
    from harness.leaderboard.boards import Board
    from harness.leaderboard.verify import Verified


def verified(what: Sequence[str], boards: dict[str, Board]) -> list[Verified]:
    """What the boards and files named come to; all boards where none is."""
    from harness.leaderboard.verify import verify_board

    found: list[Verified] = []
    for name in what or sorted(boards):
        if name in boards:
            found += verify_board(boards[name])
        else:
            found.append(_one_file(named_file(name, boards), boards, None))
    return found


def verified_with(what: Sequence[str], data: str, boards: dict[str, Board]) -> Verified:
    """One file by itself, held against the data given as TASK=FILE."""
    task, equals, file = data.partition("=")
    if len(what) != 1 or what[0] in boards or not equals:
        raise UsageError("--data TASK=FILE is for one FILE")
    return _one_file(named_file(what[0], boards), boards, (task, Path(file)))


def named_file(name: str, boards: dict[str, Board]) -> Path:
    """A file, or a UsageError that knows the boards, too."""
    path = Path(name)
    if not path.is_file():
        raise UsageError(f"{unknown_name('board', name, boards)}; nor is it a file")
    return path


def _one_file(path: Path, boards: dict[str, Board], data: tuple[str, Path] | None) -> Verified:
    """A file by itself, held against the board it names; one that lies on that board beside the
    others there."""
    from harness.errors import DataError
    from harness.leaderboard.archive import short
    from harness.leaderboard.entries import read_submission
    from harness.leaderboard.verify import (
        Finding,
        Verified,
        standard_of,
        verify_board,
        verify_submission,
    )

    try:
        name = read_submission(path).meta.board
    except DataError as error:
        lines = [line.removeprefix(f"{path}: ") for line in str(error).split("\n")]
        return Verified(path, "", None, tuple(Finding("archive", line) for line in lines), ())
    if name not in boards:
        return Verified(path, name, None, (Finding("board", f"no board {short(name)} here"),), ())
    board = boards[name]
    if data is None:
        on_board = [one for one in board.submissions if one.resolve() == path.resolve()]
        if on_board:
            return verify_board(board, paths=on_board)[0]
        return verify_submission(path, standard_of(board))
    if data[0] != board.spec.task:
        raise UsageError(f"--data {data[0]}=...: {path} is of board {name}, task {board.spec.task}")
    return verify_submission(path, standard_of(board, data[1]))


def spot_checked(
    one: Verified,
    boards: dict[str, Board],
    data: str | None,
    n: int,
    model: str,
    model_args: str | None,
) -> Verified:
    """A file without findings, with those of a spot check."""
    from dataclasses import replace

    from harness.cli.spot_check import spot_check
    from harness.leaderboard.verify import Finding, standard_of

    assert one.submission is not None
    file = Path(data.partition("=")[2]) if data is not None else None
    done = spot_check(one.submission, standard_of(boards[one.board], file), n, model, model_args)
    alike = done.verdicts - len(done.differ)
    said = (
        f"{model} asked about {done.pairs:,} pairs: {alike:,} of {done.verdicts:,} verdicts alike"
    )
    if done.margin is not None:
        said += f", margins at most {done.margin:.3g} apart"
    return replace(
        one,
        findings=tuple(Finding("spot_check", differs) for differs in done.differ),
        notes=(*one.notes, Finding("spot_check", said, note=True)),
    )


def tell(one: Verified) -> None:
    """A line a finding and note."""
    # plain: what a stranger wrote moves no terminal
    from harness.reports.text import plain, plural

    said = "ok" if one.ok else plural(len(one.findings), "finding")
    click.echo(f"{plain(str(one.path))}: {said}")
    for finding in one.findings:
        click.echo(f"  {plain(f'{finding.check}: {finding}')}")
    for more in one.notes:
        click.echo(f"  {plain(f'note: {more}')}")


def document(one: Verified) -> dict[str, Any]:
    """The same as JSON."""

    def row(finding: Any) -> dict[str, Any]:
        return {key: getattr(finding, key) for key in ("check", "part", "line", "message")}

    return {
        "file": str(one.path),
        "board": one.board,
        "ok": one.ok,
        "findings": [row(finding) for finding in one.findings],
        "notes": [row(finding) for finding in one.notes],
    }
