"""Where a table goes: the terminal, or a file written whole or not at all."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.errors import UsageError

if TYPE_CHECKING:
    from harness.reports.tables import Table

FORMATS = ("md", "csv", "json", "html")


def find_folders(paths: Sequence[Path]) -> list[Path]:
    """The finished runs the paths mean; on stderr, which unfinished ones lie among them."""
    from harness.reports.runs import run_folders

    found, unfinished = run_folders(paths)
    if unfinished:
        names = ", ".join(str(folder) for folder in unfinished[:3])
        more = f" and {len(unfinished) - 3} more" if len(unfinished) > 3 else ""
        click.echo(f"not finished, left out: {names}{more}", err=True)
    return found


def check_out(out: Path | None) -> None:
    """UsageError where --out cannot be a file, before any work is done."""
    if out is None:
        return
    if out.is_dir():
        raise UsageError(f"--out {out}: a folder, not a file")
    if not out.parent.is_dir():
        raise UsageError(f"--out {out}: no folder {out.parent}")


def deliver(
    *,
    printed: Callable[[], Sequence[Table]],
    tidy: Callable[[], Table],
    document: Callable[[], Mapping[str, Any]],
    form: str | None,
    out: Path | None,
) -> None:
    """Write what the form asks for; without one the file's ending says it, else plain text."""
    if form is None and out is not None and out.suffix.lstrip(".") in FORMATS:
        form = out.suffix.lstrip(".")
    text = _text(printed, tidy, document, form)
    if out is None:
        click.echo(text, nl=False)
        return
    from harness.store import write_atomic

    write_atomic(out, click.unstyle(text))


def _text(
    printed: Callable[[], Sequence[Table]],
    tidy: Callable[[], Table],
    document: Callable[[], Mapping[str, Any]],
    form: str | None,
) -> str:
    match form:
        case "csv":
            from harness.reports.render_data import csv_text

            return csv_text(tidy())
        case "json":
            from harness.reports.render_data import json_text

            return json_text(document())
        case "html":
            from harness.reports.render_html import html

            return html(printed())
        case "md":
            from harness.reports.render_md import markdown

            return markdown(printed())
    from harness.reports.render_rich import terminal_text

    return terminal_text(printed())
