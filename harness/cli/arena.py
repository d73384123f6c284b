"""`harness arena`: the texts of every two runs for every shared prompt, judged."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from harness.cli.console import Console
from harness.cli.main import Command
from harness.cli.notes import failure_notes, judge_notes
from harness.cli.options import cores, make_request, model_options
from harness.errors import HarnessError, UsageError

_PATH = click.Path(path_type=Path)


@click.command(cls=Command)
@click.argument("runs", nargs=-1, metavar="[RUN]...", type=_PATH)
@click.option("--model", help="The judge: a folder, a hub id, or backend:what.")
@click.option("--baseline", type=_PATH, metavar="RUN", help="Everyone meets this run alone.")
@click.option(
    "--calibration",
    multiple=True,
    type=_PATH,
    metavar="RUN",
    help="A run of the same judge over preference pairs: corrects win rates for its errors.",
)
@click.option(
    "--human",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Rankings (JSON) or choices (CSV) of people, instead of a judge; a file an annotator.",
)
@click.option(
    "--language", type=click.Choice(["zh", "en"]), help="Of --human files that do not tell."
)
@model_options
def arena(runs: tuple[Path, ...], **flags: Any) -> None:
    """Judge every two runs on every prompt they share, in both orders.

    \b
    harness arena RUN RUN RUN --judge pairwise --model openai:NAME --model_args base_url=URL
    harness arena results/coig_writer_zh --model PATH          all runs below a folder
    harness arena RUN RUN --baseline RUN --model PATH          against one of them
    harness arena RUN RUN --model PATH --calibration WPB_RUN   win rates beside corrected ones
    harness arena --human rankings_1.json --human choices.csv

    RUN is a finished run of a writing task, or a folder with such runs below it; runs of both
    languages are told apart. Runs that join later, in a new command, meet the others without
    judging old pairs again. Prints the win-rate matrix (row beats column) with intervals and
    tests, strengths, genres, languages; files under --output_path/arena.
    """
    if flags["human"]:
        _human(runs, flags)
        return
    if not runs:
        raise UsageError("name runs to judge, or --human FILE")
    if flags["model"] is None:
        raise UsageError("--model: name the judge (or give what people said with --human FILE)")
    from harness.arena import ArenaRequest, dry_arena, judged_arena

    # the baseline plays, too
    players = tuple(dict.fromkeys((*runs, *filter(None, [flags["baseline"]]))))
    request = ArenaRequest(
        runs=players,
        asked=make_request(flags, tasks=()),
        baseline=flags["baseline"],
        calibration=flags["calibration"],
    )
    if flags["dry_run"]:
        click.echo(dry_arena(request, Console()))
        return
    try:
        result = judged_arena(request, Console())
    except KeyboardInterrupt:
        raise HarnessError("interrupted; the same command goes on where it stopped") from None
    _show(result)


def _human(runs: tuple[Path, ...], flags: dict[str, Any]) -> None:
    given = [name for name in ("model", "baseline", "calibration", "judge") if flags[name]]
    if runs or given:
        what = "runs" if runs else f"--{given[0]}"
        raise UsageError(f"--human needs no {what}: the models are those of its files")
    from harness.arena import human_arena

    _show(
        human_arena(
            flags["human"],
            output_path=flags["output_path"],
            language=flags["language"],
            seed=flags["seed"],
            fresh=flags["fresh"],
            processes=cores(),
            progress=Console(),
        )
    )


def _show(result: Any) -> None:
    from harness.reports import render_run

    click.echo(render_run(result.results))
    for line in judge_notes(result):
        click.echo(line)
    state = "judged before, nothing was asked" if result.reused else "finished"
    click.echo(f"{state}: {result.folder}\n")
    for line in failure_notes(result):
        click.echo(line, err=True)
