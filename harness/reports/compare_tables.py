"""A comparison as tables, and as one plain sentence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from harness.metrics.paired import ALPHA, PairedTest
from harness.reports.comparison import RunComparison
from harness.reports.groups import FEW_CLUSTERS, FEW_PAIRS
from harness.reports.tables import Column, Table, from_records
from harness.reports.text import p_equals, percent, plural

RUNS = (
    Column("model", "model"),
    Column("accuracy", "accuracy\n%", "percent"),
    Column("rank_best", "best rank", "count"),
    Column("rank_worst", "worst rank", "count"),
    Column("rank", "rank", "text"),
    Column("standing", "", "text"),
)
TESTS = (
    Column("genre", "genre"),
    Column("first", "A"),
    Column("second", "B"),
    Column("n", "n", "count"),
    Column("clusters", "clusters", "count"),
    Column("accuracy_first", "A %", "percent"),
    Column("accuracy_second", "B %", "percent"),
    Column("difference", "A - B", "points"),
    Column("ci95", "bootstrap\n95%", "points_interval"),
    Column("p", "p", "p"),
    Column("p_holm", "p\nHolm", "p"),
    Column("exact", "exact"),
    Column("clusters_differing", "clusters differing", "count"),
    Column("smallest_difference", "could\nshow", "percent"),
    Column("mcnemar_b", "only A\nright", "count"),
    Column("mcnemar_c", "only B\nright", "count"),
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
_OF_A_GENRE = ("genre", "underpowered")
_FEW = 5  # 2 ** (1 - 5) = 0.0625: five clusters cannot reach 0.05


def run_table(found: RunComparison) -> Table:
    """A row a model, best first."""
    records = []
    for place, label in enumerate(found.labels):
        best, worst = found.tests.ranks[place]
        records.append(
            {
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


def test_table(found: RunComparison) -> Table:
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
    everything = test_table(found)
    several = len(found.tests.tests) > 1
    overall = Table("", everything.columns, everything.rows[: len(found.tests.tests)])
    holm = ("p_holm",) if several else ()
    notes = [SIGN_FLIP, HOLM.format(len(found.tests.tests))] if several else [SIGN_FLIP]
    where = f"{plural(found.n, 'pair')} in {plural(found.clusters, 'cluster')}"
    who = ("first", "second")
    tables = [
        run_table(found).pick(
            f"{task}: {plural(len(found.labels), 'run')} on {where}",
            ("model", "accuracy", "rank", "standing"),
            notes=[RANK] if several else [],
        ),
        overall.pick(
            "Differences",
            (*who, "difference", "ci95", "p", *holm, "smallest_difference"),
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
        ("first", "second", "mcnemar_b", "mcnemar_c", "mcnemar_p", *exact),
    )


def _genre_table(found: RunComparison, everything: Table) -> Table:
    below = Table("", everything.columns, everything.rows[len(found.tests.tests) :])
    notes = [f"A: {found.labels[0]}. B: {found.labels[1]}.", HOLM.format(len(found.genres))]
    if any(below.values("underpowered")):
        notes.append(FEW_PAIRS)
    if any(below.values("ci95")) and not all(below.values("ci95")):
        notes.append(FEW_CLUSTERS)
    return below.pick(
        "By genre",
        (*_OF_GENRES, "underpowered"),
        optional=("ci95", "underpowered"),
        notes=notes,
    )


def conclusion(found: RunComparison) -> str:
    """What may be said, in plain words."""
    if len(found.labels) == 2:
        return _of_two(found, found.tests.tests[0])
    names = [found.labels[place] for place in found.tests.leaders]
    if len(names) == 1:
        return f"{names[0]} leads: it is better than every other run (Holm p < {ALPHA})."
    if not any(test.p_holm < ALPHA for test in found.tests.tests):
        return (
            f"No difference can be told between the {len(found.labels)} runs at "
            f"{plural(found.n, 'pair')}{_reach(found.smallest)}."
        )
    return f"{names[0]} has the highest accuracy; tied with it: {', '.join(names[1:])}."


def _of_two(found: RunComparison, test: PairedTest) -> str:
    if not test.sign_flip.clusters:
        return "The two runs score the same in every cluster: there is no difference to test."
    p = test.sign_flip.p
    if p < ALPHA:
        winner, loser = (0, 1) if test.difference > 0 else (1, 0)
        return (
            f"{found.labels[winner]} is better than {found.labels[loser]} by "
            f"{percent(abs(test.difference))} points ({p_equals(p)})."
        )
    text = (
        f"No difference can be told at {plural(found.n, 'pair')} ({p_equals(p)})"
        f"{_reach(found.smallest)}"
    )
    if test.sign_flip.clusters <= _FEW:
        text += (
            f"; the runs differ in only {plural(test.sign_flip.clusters, 'cluster')}, and the "
            f"test needs {_FEW + 1} to reach p < {ALPHA} at all"
        )
    return f"{text}."


def _reach(smallest: Sequence[float | None]) -> str:
    known = [value for value in smallest if value is not None]
    if not known:
        return ""
    ends = sorted({percent(min(known)), percent(max(known))}, key=float)
    return (
        f"; the smallest difference this could show (80% power) is about {' to '.join(ends)} points"
    )


def compare_document(found: RunComparison, task: str) -> dict[str, Any]:
    """The comparison for a program: runs, every two runs, genres, and the sentence."""
    everything = test_table(found)
    count = len(found.tests.tests)
    overall = Table("", everything.columns, everything.rows[:count])
    genres = Table("", everything.columns, everything.rows[count:])
    return {
        "task": task,
        "n": found.n,
        "clusters": found.clusters,
        "runs": run_table(found),
        "comparisons": overall.pick("", [c.key for c in TESTS if c.key not in _OF_A_GENRE]),
        "genres": genres.pick("", (*_OF_GENRES, "p", "clusters", "underpowered")),
        "leaders": [found.labels[place] for place in found.tests.leaders],
        "conclusion": conclusion(found),
    }
