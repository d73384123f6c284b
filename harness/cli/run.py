"""`harness run`: score the pairs of tasks with a model, or let it write, and report per genre."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from harness.cli.console import Console
from harness.cli.main import Command
from harness.cli.notes import failure_notes, judge_notes
from harness.cli.options import make_request, model_options
from harness.errors import HarnessError, UsageError


def names(text: str | None) -> tuple[str, ...]:
    """A `,`-list of names."""
    return tuple(part.strip() for part in (text or "").split(",") if part.strip())


def files(values: tuple[str, ...]) -> dict[str, Path]:
    """--data TASK=FILE, each task once, every file there."""
    found: dict[str, Path] = {}
    for value in values:
        task, equals, path = value.partition("=")
        if not equals or not task or not path:
            raise UsageError(f"--data {value}: write TASK=FILE")
        if task in found:
            raise UsageError(f"--data {task}: given twice")
        if not Path(path).exists():
            raise UsageError(f"--data {value}: no such file")
        found[task] = Path(path)
    return found


def limit_of(text: str | None) -> int | float | None:
    """A number of pairs, or a fraction below 1."""
    if text is None:
        return None
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if 0 < value < 1:
        return value
    if value >= 1 and value.is_integer():
        return int(value)
    raise UsageError(f"--limit {text}: a number of pairs (100) or a fraction below 1 (0.1)")


@click.command(cls=Command)
@click.option("--tasks", required=True, help="Tasks or groups, separated by commas.")
@click.option("--model", required=True, help="A folder, a hub id, or backend:what.")
@click.option("--data", multiple=True, metavar="TASK=FILE", help="A local file for a task.")
@click.option("--genres", help="Only these genres, separated by commas.")
@click.option("--limit", metavar="N|FRACTION", help="Only a seeded sample of pairs or prompts.")
@click.option(
    "--bad_rows", type=click.Choice(["refuse", "drop"]), default="refuse", show_default=True
)
@click.option("--genre_map", metavar="NAME|FILE|tag", help="Another table of genres.")
@click.option(
    "--tokenizer",
    type=click.Choice(["jieba", "rjieba"]),
    default="jieba",
    show_default=True,
    help="Chinese words, for measures of diversity and baseline:ttr.",
)
@model_options
def run(**flags: Any) -> None:
    """Score or judge the pairs of tasks with a model, or let it write, and report per genre.

    \b
    harness run --tasks wpb_zh,wpb_en --model PATH
    harness run --tasks wpb --model openai:NAME --model_args base_url=URL
    harness run --tasks wpb --model PATH --judge pairwise
    harness run --tasks wpb --model likelihood:PATH,norm=token
    harness run --tasks wpb_zh --model baseline:length
    harness run --tasks wpb_zh --data wpb_zh=pairs.jsonl --model PATH
    harness run --tasks coig_writer --model PATH              write, then measure
    harness run --tasks coig_writer_zh --model texts:FILE     measure what was written

    Results to stdout, progress to stderr, files under --output_path. The same command again
    resumes what was interrupted and reuses what is finished.
    """
    from harness import runner

    request = run_request(flags)
    if flags["dry_run"]:
        for line in runner.dry_run(request, Console()):
            click.echo(line)
        return
    try:
        results = runner.run(request, Console())
    except KeyboardInterrupt:
        raise HarnessError("interrupted; the same command goes on where it stopped") from None
    _show(results)


def run_request(flags: dict[str, Any]) -> Any:
    """The flags as one checked request."""
    tasks = names(flags["tasks"])
    if not tasks:
        raise UsageError("--tasks: name at least one (`harness ls tasks` lists them)")
    return make_request(
        flags,
        tasks=tasks,
        data=files(flags["data"]),
        genres=names(flags["genres"]),
        limit=limit_of(flags["limit"]),
        bad_rows=flags["bad_rows"],
        genre_map=flags["genre_map"],
    )


def _show(results: list[Any]) -> None:
    from harness.reports import render_run

    for result in results:
        click.echo(render_run(result.results))
        for line in judge_notes(result):
            click.echo(line)
        state = "finished before, reused" if result.reused else "finished"
        click.echo(f"{state}: {result.folder}\n")
        for line in failure_notes(result):
            click.echo(f"{result.results['task']}: {line}", err=True)
