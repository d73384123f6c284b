"""A comparison as tables."""

from __future__ import annotations

from typing import Any

from harness.reports.comparison import RunComparison
from harness.reports.conclusion import conclusion
from harness.reports.groups import FEW_CLUSTERS, FEW_PAIRS
from harness.reports.tables import Column, Table, from_records
from harness.reports.text import plural

RUNS = (
    Column("letter", ""),
    Column("model", "model", "name"),
    Column("accuracy", "accuracy\n%", "percent"),
    Column("rank_best", "best rank", "count"),
    Column("rank_worst", "worst rank", "count"),
    Column("rank", "rank", "text"),
    Column("standing", "", "text"),
)
TESTS = (
    Column("genre", "genre", "name"),
    Column("letters", ""),
    Column("first", "first"),
    Column("second", "second"),
    Column("n", "n", "count"),
    Column("clusters", "clusters", "count"),
    Column("accuracy_first", "A %", "percent"),
    Column("accuracy_second", "B %", "percent"),
    Column("difference", "difference", "points"),
    Column("ci95", "bootstrap\n95%", "points_interval"),
    Column("p", "p", "p"),
    Column("p_holm", "p\nHolm", "p"),
    Column("exact", "exact"),
    Column("clusters_differing", "clusters differing", "count"),
    Column("smallest_difference", "could\nshow", "percent"),
    Column("mcnemar_b", "b, only\n1st right", "count"),
    Column("mcnemar_c", "c, only\n2nd right", "count"),
    Column("mcnemar_p", "p", "p"),
    Column("mcnemar_p_holm", "p\nHolm", "p"),
    Column("underpowered", "", "flag"),
)
SIGN_FLIP = (
    "p: sign-flip test over clusters, pairs that share a prompt or a text; bootstrap over the "
    "same. could show: the smallest difference found in 80% of repetitions (approximate)."
)
HOLM = "p Holm: corrected for the {} tests of this table."
RANK = "rank: what the significant differences (Holm p < 0.05) leave open."
_OF_GENRES = (
    "genre",
    "n",
    "accuracy_first",
    "accuracy_second",
    "difference",
    "ci95",
    "p_holm",
)
_NOT_OF_RUNS = ("genre", "underpowered")


def letter(place: int) -> str:
    """A, B, ... Z, A1, B1, ...: a short name for a run in tables of pairs of runs."""
    turn, place = divmod(place, 26)
    return chr(ord("A") + place) + (str(turn) if turn else "")


def run_table(found: RunComparison) -> Table:
    """A row a model, best first."""
    records = []
    for place, label in enumerate(found.labels):
        best, worst = found.tests.ranks[place]
        records.append(
            {
                "letter": letter(place),
                "model": label,
                "accuracy": found.tests.accuracy[place],
                "rank_best": best,
                "rank_worst": worst,
                "rank": str(best) if best == worst else f"{best}-{worst}",
                "standing": _standing(found, place),
            }
        )
    return from_records("", RUNS, sorted(records, key=lambda row: -row["accuracy"]))


def _standing(found: RunComparison, place: int) -> str:
    if place not in found.tests.leaders:
        return ""
    if len(found.tests.leaders) == 1:
        return "leads"
    return "tied with the leader" if place != found.tests.leaders[0] else "highest, tied"


def difference_table(found: RunComparison) -> Table:
    """A row for every two models; for two models a row a genre below it (genre null is all)."""
    rows = [_test(found, i) for i in range(len(found.tests.tests))]
    for genre in found.genres:
        rows.append(
            {
                "genre": genre.genre,
                "first": found.labels[0],
                "second": found.labels[1],
                "n": genre.n,
                "clusters": genre.clusters,
                "accuracy_first": genre.first,
                "accuracy_second": genre.second,
                "difference": genre.difference,
                "ci95": _listed(genre.ci95),
                "p": genre.p,
                "p_holm": genre.p_holm,
                "underpowered": genre.underpowered,
            }
        )
    return from_records("", TESTS, rows)


def _test(found: RunComparison, place: int) -> dict[str, Any]:
    test = found.tests.tests[place]
    row: dict[str, Any] = {
        "letters": f"{letter(test.first)} - {letter(test.second)}",
        "first": found.labels[test.first],
        "second": found.labels[test.second],
        "n": found.n,
        "clusters": found.clusters,
        "accuracy_first": found.tests.accuracy[test.first],
        "accuracy_second": found.tests.accuracy[test.second],
        "difference": test.difference,
        "ci95": _listed(test.ci95),
        "p": test.sign_flip.p,
        "p_holm": test.p_holm,
        "exact": test.sign_flip.exact,
        "clusters_differing": test.sign_flip.clusters,
        "smallest_difference": found.smallest[place],
    }
    if test.mcnemar is not None:
        row |= {
            "mcnemar_b": test.mcnemar.first_only,
            "mcnemar_c": test.mcnemar.second_only,
            "mcnemar_p": test.mcnemar.p,
            "mcnemar_p_holm": test.mcnemar_p_holm,
        }
    return row


def _listed(interval: tuple[float, float] | None) -> list[float] | None:
    return None if interval is None else list(interval)


def compare_tables(found: RunComparison, task: str) -> list[Table]:
    """The printed form, the plain sentence last."""
    everything = difference_table(found)
    several = len(found.tests.tests) > 1
    overall = Table("", everything.columns, everything.rows[: len(found.tests.tests)])
    holm = ("p_holm",) if several else ()
    notes = [SIGN_FLIP, HOLM.format(len(found.tests.tests))] if several else [SIGN_FLIP]
    where = f"{plural(found.n, 'pair')} in {plural(found.clusters, 'cluster')}"
    tables = [
        run_table(found).pick(
            f"{task}: {plural(len(found.labels), 'run')} on {where}",
            ("letter", "model", "accuracy", "rank", "standing"),
            notes=[RANK] if several else [],
        ),
        overall.pick(
            "Differences",
            ("letters", "difference", "ci95", "p", *holm, "smallest_difference"),
            notes=notes,
        ),
    ]
    if any(p is not None for p in overall.values("mcnemar_p")):
        tables.append(_mcnemar(overall, several=several))
    if found.genres:
        tables.append(_genre_table(found, everything))
    return [*tables, Table("", (), (), (conclusion(found),))]


def _mcnemar(overall: Table, *, several: bool) -> Table:
    """The exact test, for every two runs that have one."""
    exact = ("mcnemar_p_holm",) if several else ()
    given = [place for place, p in enumerate(overall.values("mcnemar_p")) if p is not None]
    rows = tuple(overall.rows[place] for place in given)
    return Table("", overall.columns, rows).pick(
        "McNemar's exact test (ignores shared prompts)",
        ("letters", "mcnemar_b", "mcnemar_c", "mcnemar_p", *exact),
    )


def _genre_table(found: RunComparison, everything: Table) -> Table:
    below = Table("", everything.columns, everything.rows[len(found.tests.tests) :])
    notes = [HOLM.format(len(found.genres))]
    if any(below.values("underpowered")):
        notes.append(FEW_PAIRS)
    if any(below.values("ci95")) and not all(below.values("ci95")):
        notes.append(FEW_CLUSTERS)
    return below.pick(
        "By genre",
        (*_OF_GENRES, "underpowered"),
        heads={"difference": "A - B"},
        optional=("ci95", "underpowered"),
        notes=notes,
    )


def compare_document(found: RunComparison, task: str) -> dict[str, Any]:
    """The comparison for a program: runs, every two runs, genres, and the sentence."""
    everything = difference_table(found)
    count = len(found.tests.tests)
    overall = Table("", everything.columns, everything.rows[:count])
    genres = Table("", everything.columns, everything.rows[count:])
    return {
        "task": task,
        "n": found.n,
        "clusters": found.clusters,
        "seed": found.seed,
        "runs": run_table(found),
        "comparisons": overall.pick("", [c.key for c in TESTS if c.key not in _NOT_OF_RUNS]),
        "genres": genres.pick("", (*_OF_GENRES, "p", "clusters", "underpowered")),
        "leaders": [found.labels[place] for place in found.tests.leaders],
        "conclusion": conclusion(found),
    }
