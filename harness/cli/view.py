"""`harness view`: one page to read what happened in a run."""

from __future__ import annotations

from pathlib import Path

import click

from harness.cli.main import Command

_RUN = click.Path(exists=True, file_okay=False, path_type=Path)


@click.command(cls=Command)
@click.argument("run", type=_RUN, metavar="RUN")
@click.argument("other", type=_RUN, metavar="[RUN_B]", required=False)
@click.option("--data", multiple=True, metavar="TASK=FILE", help="The file a run over pairs read.")
@click.option("--runs", type=_RUN, metavar="DIR", help="Where the runs of an arena's players lie.")
@click.option(
    "--include_path",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="A folder with your own YAML.",
)
@click.option("--out", type=click.Path(path_type=Path), help="The page.  [default: <run>.html]")
def view(
    run: Path,
    other: Path | None,
    data: tuple[str, ...],
    runs: Path | None,
    include_path: tuple[Path, ...],
    out: Path | None,
) -> None:
    """Write one HTML page to read what happened in a run: texts, verdicts, reasoning.

    \b
    harness view RUN                          pairs with what people and the judge said
    harness view RUN_A RUN_B                  two judges on the same pairs, or two writers
    harness view RUN --data wpb_zh=FILE       where the texts are not at hand
    harness view results/arena/1a2b3c4d       both texts of every match

    The page filters by genre, tag, outcome and more, searches the texts, and works offline: it
    asks nothing of any server. A run over pairs holds no texts; they are taken from the file that
    it read. The page holds them all: share it as you would share that file.
    """
    from harness.cli.output import check_out
    from harness.cli.run import files
    from harness.store import write_atomic
    from harness.viewer import view_page

    named = [folder.resolve().name for folder in (run, other) if folder is not None]
    path = out or Path("-".join(named) + ".html")
    check_out(path)
    page = view_page(
        run,
        other,
        data=files(data),
        runs=runs,
        include=include_path,
    )
    write_atomic(path, page)
    click.echo(f"{path}: {len(page.encode()) / 1e6:,.1f} MB")
