"""`harness compare`: is one run better than another on the same pairs? And what of all together?"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.main import Command
from harness.cli.output import FORMATS, check_out, deliver, find_folders
from harness.errors import UsageError

if TYPE_CHECKING:
    from harness.stored import FinishedRun


@click.command(cls=Command)
@click.argument(
    "runs", nargs=-1, required=True, metavar="RUN_A RUN_B...", type=click.Path(path_type=Path)
)
@click.option("--panel", is_flag=True, help="Take the runs for one judge: their majority.")
@click.option(
    "--quorum",
    type=click.IntRange(min=1),
    help="Valid votes that a verdict of the panel takes.  [default: more than half of the runs]",
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
def compare(
    runs: tuple[Path, ...],
    panel: bool,
    quorum: int | None,
    form: str | None,
    out: Path | None,
    seed: int,
) -> None:
    """Test whether runs over the same pairs differ.

    \b
    harness compare results/wpb_zh/MODEL-1a2b3c4d results/wpb_zh/baseline-length-5e6f7a8b
    harness compare results/wpb_zh
    harness compare --panel RUN RUN RUN

    The test flips the sign of whole clusters (pairs that share a prompt or a text); over more
    than two runs its p is corrected by Holm. McNemar's exact test stands beside it. Two runs are
    compared on each genre as well. CSV holds a row for every two runs, and for two runs a row a
    genre.

    With --panel the runs vote on every pair and order. More than half of the valid votes decide,
    else it is a tie. The panel's numbers stand beside its members', with Krippendorff's alpha
    for their agreement and a test of the panel against its best member. CSV holds a row for the
    panel and each run. Nothing is written into the run folders.
    """
    check_out(out)
    if quorum is not None and not panel:
        raise UsageError("--quorum is for --panel")
    folders = find_folders(runs)
    if len(folders) < 2:
        what = "a panel" if panel else "compare"
        raise UsageError(f"{what} needs two different finished runs or more; this is one")
    found, names = _read(folders)
    if panel:
        _panel(found, names, quorum, form, out, seed)
    else:
        _compare(found, names, form, out, seed)


def _read(folders: Sequence[Path]) -> tuple[list[FinishedRun], list[str]]:
    """The runs with names that tell them apart; of more than two the best one first."""
    from harness.reports.overall import labels
    from harness.reports.runs import whole_run

    found = [whole_run(folder) for folder in folders]
    if len(found) > 2:  # so that differences read as leads
        found.sort(key=lambda run: -(run.results["metrics"].get("accuracy") or 0.0))
    return found, labels([(run.folder.resolve().name, run.results) for run in found])


def _compare(
    found: list[FinishedRun], names: list[str], form: str | None, out: Path | None, seed: int
) -> None:
    from harness.reports.compare_tables import compare_document, compare_tables, difference_table
    from harness.reports.comparison import compare_runs

    comparison = compare_runs(found, names, seed=seed)
    task = str(found[0].results["task"])
    deliver(
        printed=lambda: compare_tables(comparison, task),
        tidy=lambda: difference_table(comparison),
        document=lambda: compare_document(comparison, task),
        form=form,
        out=out,
    )


def _panel(
    found: list[FinishedRun],
    names: list[str],
    quorum: int | None,
    form: str | None,
    out: Path | None,
    seed: int,
) -> None:
    from harness.reports.panel import make_panel
    from harness.reports.panel_tables import panel_document, panel_rows, panel_tables

    panel = make_panel(found, names, quorum=quorum, seed=seed)
    deliver(
        printed=lambda: panel_tables(panel),
        tidy=lambda: panel_rows(panel),
        document=lambda: panel_document(panel),
        form=form,
        out=out,
    )
