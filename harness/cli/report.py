"""`harness report`: tables of finished runs and arenas."""

from __future__ import annotations

from pathlib import Path

import click

from harness.cli.main import Command
from harness.cli.output import FORMATS, check_out, deliver, find_folders

BY = ("genre", "tag", "length", "gap", "source_model", "diversity")
LM_EVAL = "lm_eval"


@click.command(cls=Command)
@click.argument("runs", nargs=-1, required=True, metavar="RUN...", type=click.Path(path_type=Path))
@click.option("--by", type=click.Choice(BY), help="Break the numbers down.  [default: genre]")
@click.option(
    "--format", "form", type=click.Choice((*FORMATS, LM_EVAL)), help="Instead of plain tables."
)
@click.option("--out", type=click.Path(path_type=Path), help="Write to a file instead of stdout.")
def report(runs: tuple[Path, ...], by: str | None, form: str | None, out: Path | None) -> None:
    """Show finished runs: accuracy, genres, failures, order, length; or texts and arenas.

    \b
    harness report results/wpb_zh/*
    harness report results --by length
    harness report results --format md --out table.md
    harness report results/coig_writer_zh --by diversity
    harness report results/wpb_zh --format lm_eval --out DIR

    RUN is a run folder, or a folder with run folders below it. The runs of one task stand in one
    table, best first; of a writing task by name, with the lengths of their texts beside every
    measure. An arena has tables of its own. Tables show percent; CSV and JSON hold the stored
    values (shares from 0 to 1). CSV is one table: a row a run, or with --by a row a run and
    group; of arenas a row an ordered pair of runs.

    --by length sorts pairs by the ratio of their texts, and texts by their words. gap and
    source_model are for runs over pairs. --by diversity asks whether the text with more varied
    words is the better one: of an arena, or of runs whose texts have human scores.

    --format lm_eval writes each run as lm-eval writes its own: results_*.json and samples_*.jsonl
    in a folder of the model's name below --out, and prints their paths.
    """
    from harness.reports import report_diversity, report_tables
    from harness.reports.runs import find_all

    if form == LM_EVAL:
        _as_lm_eval(find_folders(runs), by, out)
        return
    check_out(out)
    found = find_all(find_folders(runs))
    if by == "diversity":
        judged, left_out = report_diversity.judged_texts(found)
        _tell(left_out)
        deliver(
            printed=lambda: report_diversity.printed(judged),
            tidy=lambda: report_diversity.tidy(judged),
            document=lambda: report_diversity.document(judged),
            form=form,
            out=out,
        )
        return
    kept, left_out = report_tables.broken_down(found, by or "genre")
    _tell(left_out)
    deliver(
        printed=lambda: report_tables.printed(kept.tasks, by or "genre", kept.arenas),
        tidy=lambda: report_tables.tidy(kept.tasks, by, kept.arenas),
        document=lambda: report_tables.document(kept.tasks, by or "genre", kept.arenas),
        form=form,
        out=out,
    )


def _as_lm_eval(folders: list[Path], by: str | None, out: Path | None) -> None:
    """Two files a run below `out`; an arena among runs is left out."""
    from datetime import datetime, timedelta

    from harness.errors import UsageError
    from harness.reports.lm_eval import lm_eval_files, without_arenas
    from harness.store import write_atomic, writing

    if out is None or out.is_file():
        raise UsageError("--format lm_eval: name a folder with --out")
    if by is not None:
        raise UsageError("--format lm_eval: a row a genre always; leave --by out")
    kept, left_out = without_arenas(folders)
    _tell(left_out)
    now = datetime.now()
    for number, folder in enumerate(kept):
        # a run's files are told apart by their time alone
        stamp = (now + timedelta(microseconds=number)).isoformat(timespec="microseconds")
        for file in lm_eval_files(folder, stamp.replace(":", "-")):
            path = out / file.path
            with writing(path):
                path.parent.mkdir(parents=True, exist_ok=True)
            write_atomic(path, file.text)
            click.echo(path)


def _tell(left_out: list[str]) -> None:
    for line in left_out:
        click.echo(line, err=True)
