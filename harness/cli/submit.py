"""`harness submit`: a finished run as one file that a pull request can carry."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click

from harness.cli.main import Command
from harness.errors import DataError, UsageError

_MAX_SAID = 200


@click.command(cls=Command)
@click.argument("run", metavar="RUN", type=click.Path(path_type=Path))
@click.option("--board", required=True, metavar="NAME", help="See `harness ls boards`.")
@click.option("--contact", help="Whom to ask; stays null where it is not given.")
@click.option("--license", "license_", help="Under which the submission may be used.")
@click.option("--trained_on_test", type=click.Choice(["yes", "no", "unknown"]))
@click.option("--no_raw", is_flag=True, help="Leave out the answers and thoughts of the model.")
@click.option(
    "--leaderboards",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Where the boards are.  [default: ./leaderboards, else those that ship]",
)
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Pack into a file of your own, not onto the board; any run will do.",
)
def submit(
    run: Path,
    board: str,
    contact: str | None,
    license_: str | None,
    trained_on_test: Literal["yes", "no", "unknown"] | None,
    no_raw: bool,
    leaderboards: Path | None,
    out: Path | None,
) -> None:
    """Pack a finished run for a board, and check it as the board will.

    \b
    harness submit results/demo_zh/baseline-length-ee6ea06d --board demo_zh
    harness submit RUN --board wpb_zh --contact me@example.org --license CC-BY-4.0
    harness submit RUN --board wpb_zh --out mine.zip     a run made with --data, for yourself

    Nothing is asked: what the run knows is taken from it, and what you do not say stays null.
    Verdicts and scores are always in the file.
    """
    from harness.leaderboard.boards import boards_root, load_board
    from harness.leaderboard.submit import About, pack, submission_path
    from harness.leaderboard.verify import verify_board
    from harness.reports.text import plain

    if not run.is_dir():
        raise UsageError(f"{run}: no such run folder")
    for flag, said in (("contact", contact), ("license", license_)):
        if said is not None and not 0 < len(said) <= _MAX_SAID:
            raise UsageError(f"--{flag}: 1 to {_MAX_SAID} characters")
    target = load_board(board, boards_root(leaderboards))
    about = About(
        contact=contact, license=license_, trained_on_test=trained_on_test, raw=not no_raw
    )
    before = None if out is not None else _there(submission_path(run, target))
    packed = pack(run, target, about, path=out)
    for notice in packed.notices:
        click.echo(notice, err=True)
    if out is not None:
        task = target.spec.task
        click.echo(f"{out}\nverify it: harness leaderboard verify {out} --data {task}=FILE")
        return
    [verified] = verify_board(load_board(board, boards_root(leaderboards)), paths=[packed.path])
    for one in verified.notes:
        click.echo(plain(f"note: {one}"), err=True)
    if not verified.ok:
        packed.path.unlink()
        if before is not None:
            packed.path.write_bytes(before)
        lines = "\n".join(f"  {plain(str(finding))}" for finding in verified.findings)
        raise DataError(f"{run}: not submitted, as it does not verify:\n{lines}")
    click.echo(
        f"{packed.path}\nnext: git add {packed.path}, commit it, and open a pull request; "
        f"`harness leaderboard verify {board}` is what it will be checked by"
    )


def _there(path: Path) -> bytes | None:
    """An earlier submission of the same run, to be put back if the new one does not verify."""
    return path.read_bytes() if path.is_file() else None
