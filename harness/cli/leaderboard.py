"""`harness leaderboard`: build the boards, verify submissions, audit published tables."""

from __future__ import annotations

import json
from pathlib import Path

import click

from harness.cli.main import Command
from harness.cli.verified import document, named_file, spot_checked, tell, verified, verified_with
from harness.errors import UsageError, unknown_name

_DIR = click.option(
    "--leaderboards",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Where the boards are.  [default: ./leaderboards, else those that ship]",
)
_JSON = click.option("--format", "form", type=click.Choice(["json"]), help="Instead of lines.")
_WHAT = click.argument("what", nargs=-1, metavar="[BOARD|FILE]...")


@click.group()
def leaderboard() -> None:
    """Leaderboards: build, verify, audit."""


@leaderboard.command(cls=Command)
@_WHAT
@click.option("--data", metavar="TASK=FILE", help="Data to hold one FILE against, by itself.")
@click.option(
    "--spot_check",
    type=click.IntRange(min=1),
    metavar="N",
    help="Ask --model about N pairs of one FILE, and compare.",
)
@click.option("--model", help="The model that FILE says it is of; for --spot_check.")
@click.option("--model_args", metavar="K=V,...", help="As of `harness run`; for --spot_check.")
@_DIR
@_JSON
def verify(
    what: tuple[str, ...],
    data: str | None,
    spot_check: int | None,
    model: str | None,
    model_args: str | None,
    leaderboards: Path | None,
    form: str | None,
) -> None:
    """Recompute submissions from their own verdicts; no model is asked.

    \b
    harness leaderboard verify                          all boards
    harness leaderboard verify wpb_zh
    harness leaderboard verify FILE.zip
    harness leaderboard verify FILE.zip --data wpb_zh=PAIRS.json     also of a run made with --data
    harness leaderboard verify FILE.zip --spot_check 20 --model PATH

    Every finding is listed; exit 1 if there is one. Nothing is fetched: pairs are held against
    the task's data file where it is at hand.

    --spot_check is the one check that asks a model: yours, about N pairs drawn anew each time, by
    the judge file and settings of the submission. Scores move a little with device and dtype,
    and sampled answers differ by themselves.
    """
    from harness.leaderboard.boards import boards_root, find_boards

    if (spot_check is None) != (model is None):
        raise UsageError("--spot_check N and --model M go together")
    boards = find_boards(boards_root(leaderboards))
    if spot_check is not None and (len(what) != 1 or what[0] in boards):
        raise UsageError("--spot_check is for one FILE")
    found = verified(what, boards) if data is None else [verified_with(what, data, boards)]
    if spot_check is not None and model is not None and not found[0].ok:
        click.echo("no spot check: there are findings without one", err=True)
    elif spot_check is not None and model is not None:
        found = [spot_checked(found[0], boards, data, spot_check, model, model_args)]
    if form == "json":
        from harness.reports.render_data import json_text

        click.echo(json_text({"files": [document(one) for one in found]}), nl=False)
    else:
        for one in found:
            tell(one)
        bad = sum(not one.ok for one in found)
        from harness.reports.text import plural

        click.echo(f"{plural(len(found), 'submission')} verified, {bad:,} with findings")
    if not all(one.ok for one in found):
        raise click.exceptions.Exit(1)


@leaderboard.command(cls=Command)
@_WHAT
@_DIR
@click.option("--format", "form", type=click.Choice(["json", "md"]), help="Instead of plain text.")
def audit(what: tuple[str, ...], leaderboards: Path | None, form: str | None) -> None:
    """Which reported numbers can't be right.

    \b
    harness leaderboard audit                    the tables of all boards
    harness leaderboard audit wpb_zh
    harness leaderboard audit FILE.json          a file in the shape of a board's published.json

    A cell is impossible where no whole number of pairs gives it, by either table's number of pairs
    of that genre; exit 1 only for impossible numbers and totals. JSON is a list of findings.
    """
    from harness.leaderboard.audit import audit as audited
    from harness.leaderboard.audit import fails, findings_json, findings_table
    from harness.leaderboard.boards import PUBLISHED, boards_root, find_boards
    from harness.leaderboard.published import read_published
    from harness.reports.render_md import markdown
    from harness.reports.render_rich import terminal_text

    boards = find_boards(boards_root(leaderboards))
    with_tables = {name: board.folder / PUBLISHED for name, board in boards.items()}
    with_tables = {name: path for name, path in with_tables.items() if path.is_file()}
    if nothing := [name for name in what if name in boards and name not in with_tables]:
        raise UsageError(f"board {nothing[0]} has no {PUBLISHED}: nothing is reported for it")
    paths = [with_tables[n] if n in boards else named_file(n, boards) for n in what or with_tables]
    found = [finding for path in paths for finding in audited(read_published(path))]
    if form == "json":
        text = (
            json.dumps(findings_json(found), ensure_ascii=False, indent=2, allow_nan=False) + "\n"
        )
    elif form == "md":
        text = markdown([findings_table(found)])
    else:
        text = terminal_text([findings_table(found)])
    click.echo(text, nl=False)
    if fails(found):
        raise click.exceptions.Exit(1)


@leaderboard.command(cls=Command)
@click.argument("what", nargs=-1, metavar="[BOARD]...")
@click.option("--no_plots", is_flag=True, help="Leave out the plots, which take matplotlib.")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Where to.  [default: where the boards are]",
)
@_DIR
def build(
    what: tuple[str, ...], no_plots: bool, out: Path | None, leaderboards: Path | None
) -> None:
    """Write a board's README.md, board.csv, board.json, plots and its pages of the site.

    \b
    harness leaderboard build             all boards
    harness leaderboard build wpb_zh

    Only what verifies stands in a board. Null rows are computed where the task's data is at hand
    (`harness data fetch` brings it); else those that stand there stay.
    """
    from harness.leaderboard.boards import boards_root, find_boards
    from harness.leaderboard.build import build_board
    from harness.leaderboard.nulls import write_nulls

    root = boards_root(leaderboards)
    boards = find_boards(root)
    for name in what:
        if name not in boards:
            raise UsageError(unknown_name("board", name, boards))
    for name in what or sorted(boards):
        write_nulls(boards[name])
        written = build_board(boards[name], out_root=out or root, plots=not no_plots)
        click.echo(f"{name}: {len(written):,} files below {out or root}")
