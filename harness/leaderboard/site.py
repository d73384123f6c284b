"""The static site of the boards: pages that open from disk, without a network."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.leaderboard.gather import BoardRows
from harness.leaderboard.readme import NOBODY, arena_parts, audit_tables
from harness.leaderboard.rows import Row, left_out_notes, shown
from harness.leaderboard.site_table import HtmlTable, crossed_table, plain_table, rows_table
from harness.leaderboard.tables import (
    FEW,
    MAIN,
    RANK,
    REPORTED,
    board_table,
    genre_table,
)
from harness.reports.overall import GENRE_SPREAD, INTERVALS, LENGTH
from harness.reports.tables import Table
from harness.reports.writing_tables import DEFINED, FALLS, ROBUST

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

SITE = "site"
TEMPLATES = Path(__file__).resolve().parent / "templates"
_LOOK = (
    *MAIN, "genre_std", "genre_std_noise", "genre_heterogeneity_p", "ties", "unparsed", "errors",
    "first_pick_rate", "consistency", "longer_agreement", "length_balanced_accuracy",
)  # fmt: skip
_LOOK_WRITING = (
    "model", "texts", "chars", "words", "tokens", "ttr", "ttr_median", *ROBUST, "wrong_language",
    "empty", "truncated", "refusals", "repetition", "errors",
)  # fmt: skip
PLOTS = {
    "forest": "Accuracy and its interval: a bootstrap over clusters, of reported rows Wilson's.",
    "heatmap": "Accuracy by genre; in brackets where the genre has too few pairs to rank anything.",
    "length": "Accuracy against how often the longer text is picked.",
    "order": "Accuracy against how often the text shown first is picked.",
}


def pages(found: BoardRows, images: Mapping[str, bytes], told: str) -> dict[str, str]:
    """File name -> page, of a board and of each of its models; `told` is why plots are missing."""
    board = found.board
    made = {"index.html": _board_page(found, images, told)}
    for row in found.rows:
        made[row.page] = _render(
            "model.html.j2",
            title=f"{shown(row.name)}, {board.name}",
            board=board.name,
            row=row,
            name=shown(row.name, 400),
            facts=[(key, shown(value, 400)) for key, value in row.facts],
            tables=_model_tables(row, found),
            plots=_inline({f"model/{row.page}": "Genres, the weakest first."}, images),
            told=told if not found.writing else "",
        )
    return made


def index_page(root: Path, document: str) -> str:
    """The page that lists the boards built below `root`, by what their board.json says."""
    boards = []
    for path in sorted(root.glob(f"*/{document}")):
        said = json.loads(path.read_text(encoding="utf-8"))
        counts = dict.fromkeys(("submission", "null", "reported"), 0)
        for row in said["rows"]:
            counts[row["kind"]] += 1
        boards.append({"name": said["board"], "about": said["about"], **counts})
    return _render("index.html.j2", title="Leaderboards", boards=boards)


def _board_page(found: BoardRows, images: Mapping[str, bytes], told: str) -> str:
    spec = found.board.spec
    return _render(
        "board.html.j2",
        title=spec.name,
        spec=spec,
        main=_main(found),
        parts=_parts(found),
        kinds=sorted({row.kind for row in found.rows}),
        nobody="" if found.rows else NOBODY,
        notes=_notes(found),
        audit=[plain_table(part) for part in audit_tables(found)],
        left_out=left_out_notes(found.left_out),
        plots=_inline(PLOTS, images),
        told="" if found.writing else told,
    )


def _main(found: BoardRows) -> HtmlTable:
    look = _LOOK_WRITING if found.writing else _LOOK
    everything = board_table(found.rows, writing=found.writing)
    optional = tuple(key for key in look if key not in ("model", "accuracy", "n"))
    return rows_table(everything.pick("", look, optional=optional), found.rows)


def _parts(found: BoardRows) -> list[HtmlTable]:
    """The tables under the main one."""
    if found.writing:
        return [plain_table(part) for one in found.arenas for part in arena_parts(one)]
    by_genre = [row for row in found.rows if row.genres]
    return [crossed_table(by_genre, "By genre", FEW)] if by_genre else []


def _notes(found: BoardRows) -> list[str]:
    if found.writing:
        return [FALLS, DEFINED]
    ranks = [RANK] if any(row.rank for row in found.rows) else []
    notes = [*ranks, INTERVALS, GENRE_SPREAD, LENGTH] if found.own else []
    return [*notes, *([REPORTED] if found.reported else [])]


def _model_tables(row: Row, found: BoardRows) -> list[HtmlTable]:
    """All numbers of a model, and its genres, the weakest first."""
    table = board_table([row], writing=found.writing)
    own = [column for column in table.columns if column.key not in ("kind", "model", "standing")]
    keys = [column.key for column in own]
    numbers = plain_table(_turned(table.pick("", keys, optional=keys)))
    if found.writing or not row.genres:
        return [numbers]
    by_genre = genre_table([row])
    at = [column.key for column in by_genre.columns].index("accuracy")
    ordered = sorted(by_genre.rows, key=lambda line: (line[at] is None, line[at]))
    keys = [column.key for column in by_genre.columns if column.key not in ("kind", "model")]
    picked = Table("", by_genre.columns, tuple(ordered)).pick(
        "Genres, the weakest first", keys, optional=("clusters", "ci95", "ties", "unparsed",
        "errors", "underpowered"),
    )  # fmt: skip
    return [plain_table(picked), numbers]


def _turned(table: Table) -> Table:
    """A table of one row as two columns, a line a number."""
    from harness.reports.tables import Column
    from harness.reports.text import cell

    lines = [
        (column.head.replace("-\n", "-").replace("\n", " "), cell(value, column.kind))
        for column, value in zip(table.columns, table.rows[0], strict=True)
    ]
    return Table("Numbers", (Column("what", "number"), Column("value", "value")), tuple(lines))


def _inline(named: Mapping[str, str], images: Mapping[str, bytes]) -> list[tuple[str, Markup]]:
    from markupsafe import Markup

    from harness.leaderboard.site_svg import inlined

    return [
        # the SVG is matplotlib's, written anew by ElementTree, which escapes every text
        (said, Markup(inlined(images[f"{name}.svg"], label=said, prefix=f"p{place}")))
        for place, (name, said) in enumerate(named.items())
        if f"{name}.svg" in images
    ]


@cache
def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _render(template: str, **values: Any) -> str:
    """A page under a policy that allows its own style and script by their sums, nothing else."""
    from markupsafe import Markup

    style, script = _read("site.css"), _read("site.js")
    policy = (
        f"default-src 'none'; script-src '{_sum(script)}'; style-src '{_sum(style)}'; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )
    return _environment().get_template(template).render(
        policy=policy, style=Markup(style), script=Markup(script), **values
    )  # fmt: skip


@cache
def _read(name: str) -> str:
    return "\n" + (TEMPLATES / name).read_text(encoding="utf-8")


def _sum(text: str) -> str:
    """A source expression of a Content-Security-Policy."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
