"""The tables of a board: every column once, and what README and pages pick from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from harness.leaderboard.rows import Row, shown
from harness.reports.arena_standing import ranks
from harness.reports.overall import GENRE_SPREAD, INTERVALS, LENGTH, OVERALL
from harness.reports.tables import Column, Table, from_records
from harness.reports.text import TOO_SMALL, percent
from harness.reports.writing_tables import WRITING

HEAD = (
    Column("kind", "kind"),
    Column("rank", "rank"),
    Column("rank_best", "best rank", "count"),
    Column("rank_worst", "worst rank", "count"),
    Column("standing", ""),
    Column("model", "model", "name"),
    Column("source", "reported in"),
)
_HEADS = {"genre_heterogeneity_p": "p of\nspread", "ttr_median": "TTR\nmedian"}
_ELSEWHERE = ("task", "language", "model", "data", "data_replaced")
GENRES = (
    Column("kind", "kind"),
    Column("model", "model", "name"),
    Column("genre", "genre", "name"),
    Column("n", "n", "count"),
    Column("clusters", "clusters", "count"),
    Column("accuracy", "accuracy\n%", "percent"),
    Column("ci95", "bootstrap\n95%", "interval"),
    Column("wilson95", "Wilson\n95%", "interval"),
    Column("ties", "ties", "count"),
    Column("unparsed", "unparsed", "count"),
    Column("errors", "errors", "count"),
    Column("underpowered", "", "flag"),
)
MAIN = (
    "rank", "standing", "model", "n", "accuracy", "ci95", "wilson95", "accuracy_half",
    "macro_accuracy",
)  # fmt: skip
SPREAD = ("model", "macro_accuracy", "genre_std", "genre_std_noise", "genre_heterogeneity_p")
FAILURES = ("model", "ties", "unparsed", "errors", "coverage")
ORDER = ("model", "first_pick_rate", "consistency", "accuracy_both")
BY_LENGTH = (
    "model", "longer_agreement", "accuracy_longer_chosen", "accuracy_shorter_chosen",
    "length_balanced_accuracy",
)  # fmt: skip
RANK = (
    "rank: best and worst place that the significant differences (sign flips of clusters, Holm "
    "p < 0.05) leave open; runs whose ranges overlap are not told apart by these numbers alone."
)
FEW = f"In brackets: {TOO_SMALL}; Wilson's interval reaches over 10 points, and ranks nothing."
REPORTED = (
    "As the papers print them: Wilson's interval from the printed share and the table's own "
    "pairs. Nothing was recomputed, so there is no rank."
)


def all_columns(*, writing: bool = False) -> tuple[Column, ...]:
    """Every column of a board's rows."""
    own = WRITING if writing else OVERALL
    kept = (column for column in own if column.key not in _ELSEWHERE)
    return (*HEAD, *(replace(c, head=_HEADS.get(c.key, c.head)) for c in kept))


def board_table(rows: Sequence[Row], *, writing: bool = False) -> Table:
    """A row a model with every column; what CSV, JSON, README and pages are made of."""
    return from_records("", all_columns(writing=writing), map(_record, rows))


def _record(row: Row) -> dict[str, Any]:
    best, worst = row.rank or (None, None)
    return dict(row.numbers) | {
        "kind": row.kind,
        "rank": ranks(row.rank) if row.rank else None,
        "rank_best": best,
        "rank_worst": worst,
        "standing": row.standing,
        "model": row.name,
    }


def genre_table(rows: Sequence[Row]) -> Table:
    """A row a model and genre."""
    found = (
        dict(numbers) | {"kind": row.kind, "model": row.name, "genre": genre}
        for row in rows
        for genre, numbers in row.genres.items()
    )
    return from_records("", GENRES, found)


def genre_names(rows: Sequence[Row]) -> list[str]:
    """All genres, those with the most pairs first; Other last."""
    n: dict[str, int] = {}
    for row in rows:
        for name, numbers in row.genres.items():
            n[name] = max(n.get(name, 0), numbers["n"])
    return sorted(n, key=lambda name: (name == "Other", -n[name], name))


def crossed(rows: Sequence[Row], title: str) -> Table:
    """A row a model and a column a genre, accuracies in percent; few pairs in brackets."""
    names = genre_names(rows)
    columns = (Column("model", "model", "name"), *(Column(name, shown(name)) for name in names))
    found = tuple((row.name, *(_in_genre(row, name) for name in names)) for row in rows)
    few = any(genre.get("underpowered") for row in rows for genre in row.genres.values())
    return Table(title, columns, found, (FEW,) if few else ())


def _in_genre(row: Row, genre: str) -> str | None:
    numbers = row.genres.get(genre)
    if numbers is None or numbers.get("accuracy") is None:
        return None
    said = percent(numbers["accuracy"])
    return f"({said})" if numbers.get("underpowered") else said


def own_tables(rows: Sequence[Row]) -> list[Table]:
    """The README's tables of submissions and null rows: overall, genres, spread, order, length."""
    everything = named(board_table(rows))
    optional = ("rank", "standing", "ci95")
    told = [RANK] if any(everything.values("rank")) else []
    tables = [
        everything.pick("Overall", MAIN, optional=optional, notes=[*told, INTERVALS]),
        crossed([*rows], "By genre"),
        everything.pick("Spread over genres", SPREAD, notes=[GENRE_SPREAD]),
        everything.pick("Failures", FAILURES),
    ]
    if any(rate is not None for rate in everything.values("first_pick_rate")):
        tables.append(everything.pick("Order", ORDER))
    return [*tables, everything.pick("Length", BY_LENGTH, notes=[LENGTH])]


def reported_tables(rows: Sequence[Row], audited: Sequence[Table]) -> list[Table]:
    """The README's tables of reported rows; `audited`, what the audit found, follows the first."""
    keys = ("model", "source", "n", "accuracy", "wilson95", "genre_std")
    return [
        named(board_table(rows)).pick("Reported", keys, notes=[REPORTED]),
        *audited,
        crossed(rows, "Reported, by genre"),
    ]


def named(table: Table) -> Table:
    """The names cut to a length that a table bears."""
    at = [column.key for column in table.columns].index("model")
    rows = tuple((*row[:at], shown(row[at]), *row[at + 1 :]) for row in table.rows)
    return Table(table.title, table.columns, rows, table.notes)
