"""An arena's main tables: who beats whom, how strong each run is, and every two runs' test."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import combinations, permutations
from typing import Any

from harness.reports.arena_standing import Standing, mean_win_rate, ranks, standing
from harness.reports.compare_tables import HOLM, RANK, letter
from harness.reports.tables import Column, Table, from_records

RUNS = (
    Column("letter", ""),
    Column("run", "run", "name"),
    Column("win_rate", "mean\nwin %", "percent"),
    Column("strength", "strength", "ratio"),
    Column("ci95", "strength\n95%", "ratio_interval"),
    Column("expected", "expected\nwin %", "percent"),
    Column("rank_best", "best rank", "count"),
    Column("rank_worst", "worst rank", "count"),
    Column("rank", "rank"),
    Column("standing", ""),
)
PAIRS = (
    Column("arena", "arena"),
    Column("by", "by"),
    Column("group", "group"),
    Column("letters", ""),
    Column("run", "run", "name"),
    Column("other", "other", "name"),
    Column("n", "n", "count"),
    Column("wins", "wins", "count"),
    Column("losses", "losses", "count"),
    Column("ties", "ties", "count"),
    Column("failed", "failed", "count"),
    Column("win_rate", "win %", "percent"),
    Column("wilson95", "Wilson\n95%", "interval"),
    Column("ci95", "bootstrap\n95%", "interval"),
    Column("p", "p", "p"),
    Column("p_holm", "p\nHolm", "p"),
    Column("p_prompts", "p", "p"),
    Column("p_prompts_holm", "p\nHolm", "p"),
)
MATRICES = ("n", "wins", "ties", "failed", "win_rate", "wilson95", "p", "p_holm")
_BLOCK = 8  # columns of a matrix that stand side by side in a terminal
_MOST_PAIRS = 45  # pairs of runs that are printed one by one
WIN_RATE = "How often the row beats the column; a tie is half a win."
STRENGTH = (
    "strength: Bradley-Terry on the natural log scale, mean 0, bootstrap over prompts; expected: "
    "the mean win rate that the strengths give."
)
NO_SCALE = "No strengths: some runs are linked by no chain of meetings."
SIGN = "p: sign test of the wins, ties aside."
FLIP = "p: sign flips of whole prompts, as prompts were judged several times; so the bootstrap."
ELSEWHERE = "The tests of all {} pairs of runs stand in --format csv and json."


def run_table(results: Mapping[str, Any]) -> Table:
    """A row a run, best first."""
    found = standing(results)
    rows = []
    for place, run in enumerate(found.order):
        name = results["runs"][run]
        row = dict(results["bradley_terry"][name])
        best, worst = row["rank"]
        rows.append(
            row
            | {
                "letter": letter(place),
                "run": name,
                "win_rate": mean_win_rate(results, run),
                "rank_best": best,
                "rank_worst": worst,
                "rank": ranks(row["rank"]),
                "standing": _words(found, run, best=best, worst=worst),
            }
        )
    return from_records("", RUNS, rows)


def _words(found: Standing, run: int, *, best: int, worst: int) -> str:
    if run not in found.leaders:
        return ""
    if len(found.leaders) > 1:
        return "tied for the lead"
    return "leads" if best == worst else "unbeaten"


def printed_runs(results: Mapping[str, Any]) -> Table:
    """The same for reading."""
    scale = ("strength", "ci95", "expected") if results["connected"] else ("win_rate",)
    # of runs that met one run alone, ranks would be made of nothing
    ranked = results.get("baseline") is None
    return run_table(results).pick(
        "Strength",
        ("letter", "run", *scale, *(("rank", "standing") if ranked else ())),
        optional=("ci95", "standing"),
        notes=[STRENGTH if results["connected"] else NO_SCALE, *([RANK] if ranked else [])],
    )


def matrix_tables(results: Mapping[str, Any]) -> list[Table]:
    """Win rates in percent, rows and columns best first; wide ones in blocks of columns."""
    order, names = standing(results).order, results["runs"]
    blocks = [range(begin, len(order))[:_BLOCK] for begin in range(0, len(order), _BLOCK)]
    tables = []
    for block in blocks:
        columns = (
            Column("letter", ""),
            Column("run", "run", "name"),
            *(Column(letter(place), letter(place), "percent") for place in block),
        )
        rows = tuple(
            (letter(row), names[run], *(results["win_rate"][run][order[place]] for place in block))
            for row, run in enumerate(order)
        )
        title = "Win rate %, row beats column"
        if len(blocks) > 1:
            title += f" {letter(block[0])} to {letter(block[-1])}"
        tables.append(Table(title, columns, rows))
    return [*tables[:-1], replace(tables[-1], notes=(WIN_RATE,))]


def pair_rows(
    results: Mapping[str, Any], numbers: Mapping[str, Any], places: Sequence[tuple[int, int]]
) -> Iterator[dict[str, Any]]:
    """A row for each (run, other); `numbers` are of the whole arena, a genre or a language."""
    rank = {run: place for place, run in enumerate(standing(results).order)}
    names = results["runs"]
    for a, b in places:
        row = {key: numbers[key][a][b] for key in MATRICES if key in numbers}
        for key in ("p_prompts", "p_prompts_holm"):
            row[key] = numbers[key][a][b] if numbers.get(key) else None
        yield row | {
            "letters": f"{letter(rank[a])} - {letter(rank[b])}",
            "run": names[a],
            "other": names[b],
            "losses": numbers["wins"][b][a],
            "ci95": numbers["win_ci95"][a][b] if "win_ci95" in numbers else None,
        }


def printed_pairs(results: Mapping[str, Any]) -> Table:
    """Every two runs that met, the better one first."""
    places = [(a, b) for a, b in combinations(standing(results).order, 2) if results["n"][a][b]]
    if len(places) > _MOST_PAIRS:
        return Table("Every two runs", (), (), (ELSEWHERE.format(len(places)),))
    again = bool(results.get("p_prompts"))
    interval, p = ("ci95", "p_prompts") if again else ("wilson95", "p")
    holm = [f"{p}_holm"] if len(places) > 1 else []
    notes = [FLIP if again else SIGN]
    return from_records("", PAIRS, pair_rows(results, results, places)).pick(
        "Every two runs",
        ("letters", "win_rate", interval, "n", "wins", "losses", "ties", "failed", p, *holm),
        optional=("ties", "failed"),
        notes=[*notes, *([HOLM.format(len(places))] if holm else [])],
    )


def tidy_pairs(arena: str, results: Mapping[str, Any], by: str | None) -> Table:
    """A row an ordered pair of runs, or with `by` "genre" a row a genre and ordered pair."""
    places = list(permutations(range(len(results["runs"])), 2))
    groups = [(None, results)] if by is None else list(results["genres"].items())
    rows = (
        row | {"arena": arena, "by": by, "group": group}
        for group, numbers in groups
        for row in pair_rows(results, numbers, places)
    )
    table = from_records("", PAIRS, rows)
    named = ("by", "group") if by else ()
    keys = ("arena", *named, *(column.key for column in PAIRS[4:]))
    return table.pick("", keys)
