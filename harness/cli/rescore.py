"""`harness rescore`: read the stored answers of a judge's run again, by another rule or file."""

from __future__ import annotations

from pathlib import Path

import click

from harness.cli.main import Command


@click.command(cls=Command)
@click.argument("run", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--parser",
    type=click.Choice(["last_label", "only_label", "tail_label"]),
    help="Another rule for the labels.",
)
@click.option("--judge", metavar="NAME|FILE", help="A judge file whose verdict section is used.")
@click.option(
    "--include_path",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="A folder with your own YAML.",
)
def rescore(
    run: Path, parser: str | None, judge: str | None, include_path: tuple[Path, ...]
) -> None:
    """Read the answers of a finished run again and recompute every number; nobody is called.

    \b
    harness rescore RUN                        recompute, and say whether anything differs
    harness rescore RUN --parser only_label    another rule, in a folder beside the old one
    harness rescore RUN --judge FILE           the verdict section of another judge file

    Exit 1 where the run's own file now gives other results than are stored.
    """
    from harness import rescore as job
    from harness.cli.console import Console
    from harness.reports import render_run

    done = job.rescore(run, parser=parser, judge=judge, include=include_path, progress=Console())
    old, new = done.before["metrics"], done.results["metrics"]
    changed = sorted(key for key in {*old, *new} if old.get(key) != new.get(key))
    asked = parser is not None or judge is not None
    if done.folder is not None:
        click.echo(render_run(done.results))
    for key in changed:
        click.echo(f"{key}: {old.get(key)} -> {new.get(key)}")
    if not changed:
        click.echo(f"{run}: {done.results['data']['n']:,} pairs read again: the same numbers")
    if done.folder is not None:
        click.echo(f"written: {done.folder}")
    if changed and not asked:
        raise click.exceptions.Exit(1)
