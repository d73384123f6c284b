"""What one run came to: the end of `harness run`, and the report.md of a run folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from harness.reports.arena import arena_body, arena_tables
from harness.reports.arena_remarks import arena_opening, arena_remarks, arena_title
from harness.reports.groups import printed_groups
from harness.reports.overall import Entry, data_notes, overall_tables
from harness.reports.remarks import headline, remarks
from harness.reports.tables import Table
from harness.reports.writing_groups import printed_writing_groups
from harness.reports.writing_remarks import written_headline, written_remarks
from harness.reports.writing_tables import writing_tables, written_notes


def render_run(
    results: Mapping[str, Any], *, notes: Sequence[str] = (), width: int | None = None
) -> str:
    """The terminal summary of a results.json of any kind: headline, tables, remarks.

    `notes` are sentences only the caller can know and come last; `width` as in `terminal_text`.
    """
    from harness.reports.render_rich import terminal_text

    if results.get("kind") == "arena":
        return terminal_text(arena_tables(results, notes=notes), width=width)
    entry = _entry(results)
    if results.get("kind") == "writing":
        said = (written_headline(results), *written_notes([entry]))
        tables, closing = printed_writing_groups([entry], "genre"), written_remarks(results)
    else:
        said = (headline(results), *data_notes([entry]))
        tables, closing = [printed_groups([entry], "genre")], remarks(results)
    opening = Table(f"{entry.task}: {entry.label}", (), (), said)
    return terminal_text([opening, *tables, Table("", (), (), (*closing, *notes))], width=width)


def write_report(results: Mapping[str, Any]) -> str:
    """The Markdown of a results.json: the same text for the same results, anywhere, any time."""
    from harness.reports.render_md import markdown

    if results.get("kind") == "arena":
        title, opening = arena_title(results), arena_opening(results)
        body = [*arena_body(results), _remarks(arena_remarks(results))]
    else:
        entry = _entry(results)
        title = f"{entry.task}: {entry.label}"
        opening, body = _written(entry) if results.get("kind") == "writing" else _judged(entry)
    parts = [Table("", (), (), tuple(opening)), *body]
    told = markdown(table for table in parts if table.rows or table.notes)
    return "\n".join([markdown([Table(title, (), ())], level=1), told])


def _entry(results: Mapping[str, Any]) -> Entry:
    return Entry(str(results["model"]["name"]), "", results)


def _judged(entry: Entry) -> tuple[list[str], list[Table]]:
    return [headline(entry.results)], [
        printed_groups([entry], "genre"),
        _remarks(remarks(entry.results)),
        *overall_tables([entry]),
        printed_groups([entry], "tag"),
    ]


def _written(entry: Entry) -> tuple[list[str], list[Table]]:
    return [written_headline(entry.results)], [
        *printed_writing_groups([entry], "genre"),
        _remarks(written_remarks(entry.results)),
        *writing_tables([entry]),
        *printed_writing_groups([entry], "tag"),
    ]


def _remarks(said: Sequence[str]) -> Table:
    return Table("Remarks", (), (), tuple(said))
