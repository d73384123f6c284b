"""`harness compare`: is one run better than another on the same pairs?"""

from __future__ import annotations

from pathlib import Path

import click

from harness.cli.main import Command
from harness.cli.output import FORMATS, check_out, deliver, find_folders
from harness.errors import UsageError


@click.command(cls=Command)
@click.argument(
    "runs", nargs=-1, required=True, metavar="RUN_A RUN_B...", type=click.Path(path_type=Path)
)
@click.option("--format", "form", type=click.Choice(FORMATS), help="Instead of plain tables.")
@click.option("--out", type=click.Path(path_type=Path), help="Write to a file instead of stdout.")
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Behind the resamples and flips.",
)
def compare(runs: tuple[Path, ...], form: str | None, out: Path | None, seed: int) -> None:
    """Test whether runs over the same pairs differ.

    \b
    harness compare results/wpb_zh/MODEL-1a2b3c4d results/wpb_zh/baseline-length-5e6f7a8b
    harness compare results/wpb_zh

    The test flips the sign of whole clusters (pairs that share a prompt or a text); over more
    than two runs its p is corrected by Holm. McNemar's exact test stands beside it. Two runs are
    compared on each genre as well. CSV holds a row for every two runs, and for two runs a row a
    genre.
    """
    from harness.reports.compare_tables import compare_document, compare_tables, difference_table
    from harness.reports.comparison import compare_runs
    from harness.reports.overall import labels
    from harness.reports.runs import whole_run

    check_out(out)
    folders = find_folders(runs)
    if len(folders) < 2:
        raise UsageError("compare needs two different finished runs; this is one")
    found = [whole_run(folder) for folder in folders]
    if len(found) > 2:  # best first, so that differences read as leads
        found.sort(key=lambda run: -(run.results["metrics"].get("accuracy") or 0.0))
    names = labels([(run.folder.resolve().name, run.results) for run in found])
    comparison = compare_runs(found, names, seed=seed)
    task = str(found[0].results["task"])
    deliver(
        printed=lambda: compare_tables(comparison, task),
        tidy=lambda: difference_table(comparison),
        document=lambda: compare_document(comparison, task),
        form=form,
        out=out,
    )
