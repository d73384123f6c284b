"""Markdown, terminal, CSV and JSON show values and names as they are."""

from __future__ import annotations

import csv
import io
import json
from html.parser import HTMLParser

import click
import pytest

from harness.reports.render_data import csv_text, json_text
from harness.reports.render_html import html
from harness.reports.render_md import escape, markdown
from harness.reports.render_rich import terminal_text
from harness.reports.tables import Column, Table

COLUMNS = (
    Column("model", "model"),
    Column("accuracy", "accuracy\n%", "percent"),
    Column("ci95", "bootstrap\n95%", "interval"),
    Column("underpowered", "", "flag"),
)
NASTY = '[red]a|b*c*\n[/red] `x` <i> = "1,2"'


@pytest.fixture
def table() -> Table:
    return Table("t", COLUMNS, ((NASTY, 0.5, [0.25, 0.75], True), ("plain", None, None, False)))


def test_markdown_keeps_every_cell_in_its_row(table):
    lines = markdown([table]).splitlines()
    rows = [line for line in lines if line.startswith("|")]
    assert len(rows) == 4
    assert all(row.replace("\\|", "").count("|") == 5 for row in rows)


def test_html_shows_names_as_they_are_and_reads_none_of_them(table):
    class Cells(HTMLParser):
        def __init__(self) -> None:
            super().__init__()
            self.tags: list[str] = []
            self.data: list[str] = []

        def handle_starttag(self, tag, attrs):
            self.tags.append(tag)

        def handle_data(self, data):
            self.data.append(data)

    parser = Cells()
    parser.feed(html([table]))
    assert "i" not in parser.tags
    assert parser.tags.count("td") == 8
    assert '[red]a|b*c* [/red] `x` <i> = "1,2"' in parser.data
    assert "[25.0, 75.0]" in parser.data


def test_markdown_escapes_what_markdown_would_act_on():
    assert escape("a|b*c `x` <i> _d_ [e](f)") == r"a\|b\*c \`x\` \<i> \_d\_ [e\](f)"


def test_markdown_leaves_ordinary_names_readable():
    name = "Skywork/Qwen3_8B-v2.1 [beta] (zh) & co < 3"
    assert escape(name) == name


@pytest.mark.parametrize("note", ["# no heading", "- no list", "1. no list", "> no quote"])
def test_markdown_notes_stay_paragraphs(note):
    assert "\\" in markdown([Table("", (), (), (note,))])


def test_rich_markup_in_a_name_is_printed_literally(table):
    shown = click.unstyle(terminal_text([table], width=120))
    assert "[red]a|b*c* [/red] `x` <i>" in shown


def test_the_terminal_text_fits_the_width_and_has_no_trailing_space(table):
    long = Table("t", COLUMNS, (("x" * 200, 0.5, [0.25, 0.75], True),))
    lines = click.unstyle(terminal_text([table, long], width=80)).splitlines()
    assert max(map(len, lines)) <= 80
    assert all(line == line.rstrip() for line in lines)


def test_a_terminal_too_narrow_still_shows_whole_numbers(table):
    assert "[25.0, 75.0]" in click.unstyle(terminal_text([table], width=20))


def test_csv_gives_back_values_and_names_unrounded(table):
    first, second = csv.DictReader(io.StringIO(csv_text(table)))
    assert first["model"] == NASTY
    assert (first["ci95_low"], first["ci95_high"]) == ("0.25", "0.75")
    assert (second["accuracy"], second["ci95_low"]) == ("", "")


def test_json_is_a_list_of_objects_with_null_for_what_is_missing(table):
    document = json.loads(json_text({"runs": table, "by": None}))
    assert document["by"] is None
    assert document["runs"][0]["ci95"] == [0.25, 0.75]
    assert document["runs"][1] == {
        "model": "plain",
        "accuracy": None,
        "ci95": None,
        "underpowered": False,
    }


def test_an_optional_column_goes_when_no_row_has_something_in_it(table):
    columns = table.pick("", ("model", "accuracy", "ci95"), optional=("accuracy",)).columns
    assert [column.key for column in columns] == ["model", "accuracy", "ci95"]
    silent = Table("", COLUMNS, (("m", 0.0, None, False),))
    kept = silent.pick("", ("model", "accuracy", "ci95"), optional=("accuracy", "ci95")).columns
    assert [column.key for column in kept] == ["model"]


def test_half_a_character_does_not_stop_csv_or_json():
    half = Table("", (Column("model", "model"),), (("a\ud800",),))
    assert "a?" in csv_text(half) and "a?" in json_text({"runs": half})
