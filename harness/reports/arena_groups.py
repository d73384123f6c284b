"""An arena's further tables: genres, languages, the judge's errors, the people who judged."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any

from harness.reports.arena_standing import mean_win_rate, ranks, standing
from harness.reports.compare_tables import letter
from harness.reports.groups import FEW_PAIRS, OTHER
from harness.reports.tables import Column, Table, from_records
from harness.reports.text import BLANK, MEMBER, interval, percent, plural, ratio, ratio_interval

GROUPS = (
    Column("group", "genre", "name"),
    Column("prompts", "prompts", "count"),
    Column("n", "n", "count"),
    Column("win_rate", "mean\nwin %", "percent"),
    Column("strength", "strength", "ratio"),
    Column("rank", "rank"),
    Column("underpowered", "", "flag"),
)
CORRECTED = (
    Column("group", "language"),
    Column("letters", ""),
    Column("win_rate", "win %", "percent"),
    Column("wilson95", "Wilson\n95%", "interval"),
    Column("corrected", "corrected\n%", "percent"),
    Column("corrected_ci95", "corrected\n95%", "interval"),
    Column("outside", ""),
)
GAPS = (
    Column("letters", ""),
    Column("zh", "zh\nwin %", "percent"),
    Column("en", "en\nwin %", "percent"),
    Column("gap", "zh - en", "points"),
    Column("gap_ci95", "bootstrap\n95%", "points_interval"),
    Column("corrected_gap", "corrected", "points"),
    Column("corrected_gap_ci95", "corrected\n95%", "points_interval"),
)
PEOPLE = (
    Column("annotator", "annotator", "name"),
    Column("n", "choices", "count"),
    Column("tau", "tau with\nothers", "ratio"),
)
MEAN = "mean win: over the runs it met there."
CORRECTION = (
    "corrected: what the win rate would be without the judge's errors, if it is as good on these "
    "texts as on its pairs; beside the raw rate, never for it."
)
OUTSIDE = "beyond 0 to 100"
GAP = "How much more often the first run wins in Chinese than in English, in points."
AGREEMENT = (
    "alpha: Krippendorff's, 1 is agreement and 0 chance; tau: Kendall's tau-b of two people's "
    "orders of the runs for a prompt."
)


def genre_table(results: Mapping[str, Any]) -> Table:
    """Every run's mean win rate in every genre, the runs best first."""
    genres = sorted(results["genres"].items(), key=lambda item: (item[0] == OTHER, item[0]))
    few = any(numbers["underpowered"] for _, numbers in genres)
    return from_records("", GROUPS, _rows(results, genres)).pick(
        "By genre",
        ("group", "prompts", "n", "win_rate", "underpowered"),
        optional=() if few else ("underpowered",),
        notes=[MEAN, *([FEW_PAIRS] if few else [])],
    )


def language_table(results: Mapping[str, Any]) -> list[Table]:
    """The same by language, with strengths, where there are two."""
    languages = sorted(results["languages"].items())
    if len(languages) < 2:
        return []
    picked = from_records("", GROUPS, _rows(results, languages)).pick(
        "By language",
        ("group", "prompts", "n", "win_rate", "strength", "rank"),
        heads={"group": "language"},
        notes=[MEAN],
    )
    return [picked]


def _rows(
    results: Mapping[str, Any], groups: Sequence[tuple[str, Mapping[str, Any]]]
) -> Iterator[dict[str, Any]]:
    """A line with what is the group's own, then one for each run that met another there."""
    blank = dict.fromkeys((column.key for column in GROUPS), BLANK)
    for name, numbers in groups:
        own = {key: numbers[key] for key in ("prompts", "underpowered") if key in numbers}
        yield blank | own | {"group": name}
        for run in standing(results).order:
            fitted = (numbers.get("bradley_terry") or {}).get(results["runs"][run])
            yield blank | {
                "group": f"{MEMBER}{results['runs'][run]}",
                "n": sum(n or 0 for n in numbers["n"][run]),
                "win_rate": mean_win_rate(numbers, run),
                "strength": fitted["strength"] if fitted else None,
                "rank": ranks(fitted["rank"]) if fitted else None,
            }


def _letters(results: Mapping[str, Any]) -> list[tuple[int, int, str]]:
    """Every two runs, the better first, by their letters."""
    order = standing(results).order
    return [
        (order[a], order[b], f"{letter(a)} - {letter(b)}")
        for a, b in combinations(range(len(order)), 2)
    ]


def corrected_table(results: Mapping[str, Any]) -> list[Table]:
    """Win rates as they would be without the judge's errors, beside the raw ones; of a judge that
    corrects nothing, why."""
    found = sorted((results.get("corrected") or {}).items())
    if not found:
        return []
    rows = [
        row | {"group": language}
        for language, numbers in found
        if numbers["reason"] is None
        for row in _corrected(results, results["languages"][language], numbers)
    ]
    keys = [column.key for column in CORRECTED]
    return [
        from_records("", CORRECTED, rows).pick(
            "Corrected for the judge's errors",
            keys if len({row["group"] for row in rows}) > 1 else keys[1:],
            optional=("corrected_ci95", "outside"),
            notes=[*(_accuracy(*one) for one in found), *([CORRECTION] if rows else [])],
        )
    ]


def _corrected(
    results: Mapping[str, Any], raw: Mapping[str, Any], numbers: Mapping[str, Any]
) -> Iterator[dict[str, Any]]:
    for a, b, letters in _letters(results):
        if raw["win_rate"][a][b] is not None:
            yield {
                "letters": letters,
                "win_rate": raw["win_rate"][a][b],
                "wilson95": raw["wilson95"][a][b],
                "corrected": numbers["corrected"][a][b],
                "corrected_ci95": numbers["corrected_ci95"][a][b],
                "outside": OUTSIDE if numbers["outside"][a][b] else BLANK,
            }


def _accuracy(language: str, numbers: Mapping[str, Any]) -> str:
    text = (
        f"{language}: the judge is right in {percent(numbers['judge_accuracy'])}% "
        f"{interval(numbers['judge_ci95'])} of {plural(numbers['judge_n'], 'pair')} that people "
        "judged, ties half"
    )
    return f"{text}; not corrected: {numbers['reason']}." if numbers["reason"] else f"{text}."


def gap_table(results: Mapping[str, Any]) -> list[Table]:
    """Does a run win as often in one language as in the other?"""
    gaps = {tuple(row["runs"]): row for row in results.get("language_gap") or []}
    names = results["runs"]
    rows = []
    for a, b, letters in _letters(results):
        sign, row = 1, gaps.get((names[a], names[b]))
        if row is None:
            sign, row = -1, gaps.get((names[b], names[a]))
        if row is not None:
            rows.append({"letters": letters} | _seen_from(row, sign))
    if not rows:
        return []
    corrected = ("corrected_gap", "corrected_gap_ci95")
    table = from_records("", GAPS, rows)
    keys = [column.key for column in GAPS]
    return [table.pick("Chinese against English", keys, optional=corrected, notes=[GAP])]


def _seen_from(row: Mapping[str, Any], sign: int) -> dict[str, Any]:
    """A gap seen from its first run (1) or its second (-1)."""
    rates = {language: side["win_rate"] for language, side in row["languages"].items()}
    found: dict[str, Any] = {
        key: row[key] for key in ("gap", "gap_ci95", "corrected_gap", "corrected_gap_ci95")
    }
    if sign > 0:
        return found | rates
    for key in ("gap", "corrected_gap"):
        ends = found[f"{key}_ci95"]
        found[key] = None if found[key] is None else -found[key]
        found[f"{key}_ci95"] = None if ends is None else [-ends[1], -ends[0]]
    return found | {name: None if rate is None else 1 - rate for name, rate in rates.items()}


def people_table(results: Mapping[str, Any]) -> list[Table]:
    """How far the people who judged agree; nothing where none did."""
    found = results.get("annotators")
    if not found:
        return []
    rows = [{"annotator": name or "(unnamed)"} | own for name, own in found["annotators"].items()]
    if found["items"]:
        said = (
            f"{plural(found['items'], 'comparison')} by two people or more: alpha "
            f"{ratio(found['alpha'])} {ratio_interval(found['alpha_ci95'])}, the same choice in "
            f"{percent(found['agreement'])}%, tau {ratio(found['tau'])} "
            f"{ratio_interval(found['tau_ci95'])} over {plural(found['tau_n'], 'pair')} of orders."
        )
        notes = [said, AGREEMENT]
    else:
        notes = ["No two people judged the same: their agreement cannot be told."]
    table = from_records("", PEOPLE, rows)
    return [
        table.pick(
            "The people who judged", ("annotator", "n", "tau"), optional=("tau",), notes=notes
        )
    ]
