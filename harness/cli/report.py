"""`harness report`: tables of finished runs."""

from __future__ import annotations

from pathlib import Path

import click

from harness.cli.main import Command
from harness.cli.output import FORMATS, check_out, deliver, find_folders

BY = ("genre", "tag", "length", "gap", "source_model")


@click.command(cls=Command)
@click.argument("runs", nargs=-1, required=True, metavar="RUN...", type=click.Path(path_type=Path))
@click.option("--by", type=click.Choice(BY), help="Break the numbers down.  [default: genre]")
@click.option("--format", "form", type=click.Choice(FORMATS), help="Instead of plain tables.")
@click.option("--out", type=click.Path(path_type=Path), help="Write to a file instead of stdout.")
def report(runs: tuple[Path, ...], by: str | None, form: str | None, out: Path | None) -> None:
    """Show finished runs: accuracy, genres, failures, order, length.

    \b
    harness report results/wpb_zh/*
    harness report results --by length
    harness report results --format md --out table.md

    RUN is a run folder, or a folder with run folders below it. The runs of one task stand in one
    table, best first. Tables show percent; CSV and JSON hold the stored values (shares from 0 to
    1). CSV is one table: a row a run, or with --by a row a run and group.
    """
    from harness.reports.report_tables import document, printed, tidy
    from harness.reports.runs import by_task

    check_out(out)
    tasks = by_task(find_folders(runs))
    deliver(
        printed=lambda: printed(tasks, by or "genre"),
        tidy=lambda: tidy(tasks, by),
        document=lambda: document(tasks, by or "genre"),
        form=form,
        out=out,
    )
