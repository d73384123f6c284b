"""`harness rescore`: read stored answers again by another rule, or measure stored texts again."""

from __future__ import annotations

from pathlib import Path

import click

from harness.cli.main import Command
from harness.errors import UsageError


@click.command(cls=Command)
@click.argument("run", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--parser",
    type=click.Choice(["last_label", "only_label", "tail_label"]),
    help="Another rule for the labels.",
)
@click.option("--judge", metavar="NAME|FILE", help="A judge file whose verdict section is used.")
@click.option(
    "--tokenizer",
    type=click.Choice(["jieba", "rjieba"]),
    help="Other Chinese words for a run that wrote.",
)
@click.option(
    "--include_path",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="A folder with your own YAML.",
)
def rescore(
    run: Path,
    parser: str | None,
    judge: str | None,
    tokenizer: str | None,
    include_path: tuple[Path, ...],
) -> None:
    """Read the answers of a finished run again and recompute every number; nobody is called.

    \b
    harness rescore RUN                        recompute, and say whether anything differs
    harness rescore RUN --parser only_label    another rule, in a folder beside the old one
    harness rescore RUN --judge FILE           the verdict section of another judge file
    harness rescore RUN --tokenizer rjieba     other words, for the texts of a writing run

    Exit 1 where the run's own rules now give other results than are stored.
    """
    from harness.cli.console import Console
    from harness.reports import render_run
    from harness.stored import read_results

    kind = read_results(run)[1].get("kind")
    if kind == "arena":
        raise UsageError(f"{run}: the same `harness arena` command makes an arena's numbers anew")
    if kind == "writing":
        from harness.cli.options import cores
        from harness.remeasure import remeasure

        if parser is not None or judge is not None:
            raise UsageError(f"{run}: a run that wrote holds no judge's answers")
        done = remeasure(run, tokenizer=tokenizer, processes=cores(), progress=Console())  # type: ignore[arg-type]
    else:
        from harness import rescore as job

        if tokenizer is not None:
            raise UsageError("--tokenizer is for runs of writing tasks")
        done = job.rescore(
            run, parser=parser, judge=judge, include=include_path, progress=Console()
        )
    old, new = done.before["metrics"], done.results["metrics"]
    changed = sorted(key for key in {*old, *new} if old.get(key) != new.get(key))
    asked = parser is not None or judge is not None or tokenizer is not None
    if done.folder is not None:
        click.echo(render_run(done.results))
    for key in changed:
        click.echo(f"{key}: {old.get(key)} -> {new.get(key)}")
    if not changed:
        what = "texts measured" if kind == "writing" else "pairs read"
        click.echo(f"{run}: {done.results['data']['n']:,} {what} again: the same numbers")
    if done.folder is not None:
        click.echo(f"written: {done.folder}")
    if changed and not asked:
        raise click.exceptions.Exit(1)
