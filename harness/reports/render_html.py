"""Tables as one self-contained HTML page."""

from __future__ import annotations

from collections.abc import Sequence

from harness.reports.tables import WORDS, Table
from harness.reports.text import cell, plain

_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{{ title }}</title>
<style>
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem }
table { border-collapse: collapse; font-variant-numeric: tabular-nums }
th, td { border-bottom: 1px solid #8886; padding: .25rem .6rem; text-align: right }
.words { text-align: left }
</style>
{%- for table in tables %}
{%- if table.title %}
<h2>{{ table.title }}</h2>
{%- endif %}
{%- if table.rows %}
<table>
<tr>{% for head, kind in table.heads %}<th{{ kind }}>{{ head }}</th>{% endfor %}</tr>
{%- for row in table.rows %}
<tr>{% for value, kind in row %}<td{{ kind }}>{{ value }}</td>{% endfor %}</tr>
{%- endfor %}
</table>
{%- endif %}
{%- for note in table.notes %}
<p>{{ note }}</p>
{%- endfor %}
{%- endfor %}
</html>
"""


def html(tables: Sequence[Table]) -> str:
    """Each table under its heading, its notes below it; names are shown and never read as HTML."""
    import jinja2
    from markupsafe import Markup

    left, right = Markup(' class="words"'), Markup("")

    def place(kind: str) -> Markup:
        return left if kind in WORDS else right

    shown = [
        {
            "title": plain(table.title),
            "heads": [(plain(column.head), place(column.kind)) for column in table.columns],
            "rows": [
                [
                    (plain(cell(value, column.kind)), place(column.kind))
                    for value, column in zip(row, table.columns, strict=True)
                ]
                for row in table.rows
            ],
            "notes": [plain(note) for note in table.notes],
        }
        for table in tables
    ]
    title = next((one["title"] for one in shown if one["title"]), "harness report")
    page = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined).from_string(_PAGE)
    return page.render(title=title, tables=shown) + "\n"
