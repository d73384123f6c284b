"""Builds a board: README.md, board.csv, board.json, plots, and its pages of the site."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from harness.errors import MissingExtra
from harness.leaderboard.boards import Board
from harness.leaderboard.gather import BoardRows, gather
from harness.leaderboard.readme import readme
from harness.leaderboard.site import SITE, index_page, pages
from harness.leaderboard.tables import GENRES, all_columns, board_table, genre_table
from harness.reports.render_data import csv_text, json_text
from harness.reports.tables import Column, from_records, records
from harness.store import write_atomic

README, CSV, JSON, PLOTS = "README.md", "board.csv", "board.json", "plots"
NO_PLOTS = str(MissingExtra("the plots of this page", "plots"))
_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet would run


def build_board(board: Board, *, out_root: Path, plots: bool = True) -> list[Path]:
    """Write everything of a board below `out_root`; the paths written, in their order.

    `<board>/README.md`, `board.csv`, `board.json`, `plots/`, and below `site/` the board's pages
    and the index of all boards built so far. Submissions with findings are left out and named.
    The same board gives the same bytes. Without matplotlib there are no plots, and the pages say
    so. Raises DataError and UsageError where published.json or nulls.json is not what it should be.
    """
    return build_rows(gather(board), out_root=out_root, plots=plots)


def build_rows(found: BoardRows, *, out_root: Path, plots: bool = True) -> list[Path]:
    """The same of rows that are gathered already."""
    folder = out_root / found.board.name
    able = importlib.util.find_spec("matplotlib") is not None
    images: Mapping[str, bytes] = {}
    if plots and able:
        from harness.leaderboard.plots import draw

        images = draw(found)
    told = NO_PLOTS if plots and not able else ""
    files: dict[Path, str | bytes] = {
        folder / README: readme(found),
        folder / CSV: board_csv(found),
        folder / JSON: board_json(found),
    }
    files |= {folder / PLOTS / name: image for name, image in images.items() if "/" not in name}
    site = out_root / SITE
    files |= {
        site / found.board.name / name: text for name, text in pages(found, images, told).items()
    }
    for path, content in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            write_atomic(path, content)
    for page in (site / found.board.name).glob("*.html"):
        if page not in files:  # of a submission that is gone
            page.unlink()
    index = site / "index.html"
    write_atomic(index, index_page(out_root, JSON))
    return [*files, index]


def board_csv(found: BoardRows) -> str:
    """A line a model (`by` all) and a line a model and genre (`by` genre), as stored, not rounded.

    A name that a spreadsheet would take for a formula has an apostrophe before it.
    """
    common = all_columns(writing=found.writing)
    known = {column.key for column in common}
    own = [column for column in GENRES if column.key not in known]
    columns = (Column("by", "by"), Column("genre", "genre"), *common, *own)
    columns = tuple({column.key: column for column in columns}.values())
    rows = [{"by": "all", **row} for row in records(board_table(found.rows, writing=found.writing))]
    rows += [
        {"by": "genre", "kind": row.kind, "model": row.name, "genre": genre, **numbers}
        for row in found.rows
        for genre, numbers in row.genres.items()
    ]
    return csv_text(from_records("", columns, [_harmless(row) for row in rows]))


def _harmless(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
        for key, value in row.items()
    }


def board_json(found: BoardRows) -> str:
    """Everything on the board for a program; values as stored."""
    spec = found.board.spec
    genres: Any = genre_table(found.rows)
    if found.writing:
        genres = [
            {"kind": row.kind, "model": row.name, "genre": genre, **numbers}
            for row in found.rows
            for genre, numbers in row.genres.items()
        ]
    return json_text(
        {
            "schema": 1,
            "board": spec.name,
            "about": spec.about,
            "task": spec.task,
            "language": found.language,
            "rows": board_table(found.rows, writing=found.writing),
            "genres": genres,
            "arenas": [
                {"name": one.title, "reported": one.reported, **one.results} for one in found.arenas
            ],
            "audit": [asdict(one) for one in found.findings],
            "left_out": [asdict(one) for one in found.left_out],
        }
    )
