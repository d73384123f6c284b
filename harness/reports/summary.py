"""What one run came to: the end of `harness run`, and the report.md of a run folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from harness.reports.groups import printed_groups
from harness.reports.overall import Entry, data_notes, overall_tables
from harness.reports.remarks import headline, remarks
from harness.reports.tables import Table


def render_run(
    results: Mapping[str, Any], *, notes: Sequence[str] = (), width: int | None = None
) -> str:
    """The terminal summary of a results.json: headline, genres, remarks.

    `notes` are sentences only the caller can know and come last; `width` as in `terminal_text`.
    """
    from harness.reports.render_rich import terminal_text

    entry = Entry(str(results["model"]["name"]), "", results)
    opening = Table(
        f"{entry.task}: {entry.label}", (), (), (headline(results), *data_notes([entry]))
    )
    closing = Table("", (), (), (*remarks(results), *notes))
    return terminal_text([opening, printed_groups([entry], "genre"), closing], width=width)


def write_report(results: Mapping[str, Any]) -> str:
    """The Markdown of a results.json: the same text for the same results, anywhere, any time."""
    from harness.reports.render_md import markdown

    name = results["model"]["name"]
    entry = Entry(str(name), "", results)
    title = markdown([Table(f"{results['task']}: {name}", (), ())], level=1)
    body = [
        Table("", (), (), (headline(results),)),
        printed_groups([entry], "genre"),
        Table("Remarks", (), (), tuple(remarks(results))),
        *overall_tables([entry]),
        printed_groups([entry], "tag"),
    ]
    return "\n".join([title, markdown(table for table in body if table.rows or table.notes)])
