"""Rank ranges on a board: which submissions differ by more than chance (docs/design.md 5.5)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

from harness.leaderboard.entries import Submission
from harness.leaderboard.rows import Row
from harness.metrics.accuracy import pair_values
from harness.metrics.paired import (
    PairedTest,
    enough_flips,
    holm,
    leaders,
    rank_ranges,
    sign_flip,
)
from harness.metrics.table import FloatArray, IntArray
from harness.reports.comparison import same_order
from harness.stored import FinishedRun

SEED = 0
Ranks = dict[str, tuple[tuple[int, int], str]]


def rank(rows: Sequence[Row], submissions: Sequence[Submission]) -> Ranks:
    """Rank range and standing by page, of runs that have others over the same pairs.

    Rows and submissions stand in the same order. Runs over one data file and one set of pairs are
    ranked together; a run alone on its pairs has no rank.
    """
    groups: dict[tuple[str, frozenset[str]], list[tuple[Row, FinishedRun]]] = {}
    for row, one in zip(rows, submissions, strict=True):
        run = FinishedRun(one.path, one.manifest, one.results, *one.tables())
        key = str(one.results["data"]["sha256"]), frozenset(run.pairs.pair_id)
        groups.setdefault(key, []).append((row, run))
    found: Ranks = {}
    for group in groups.values():
        if len(group) > 1:
            runs = [run for _, run in group]
            values = [
                pair_values(run.pairs, run.verdicts)[order]
                for run, order in zip(runs, same_order(runs), strict=True)
            ]
            placed = rank_values(values, runs[0].pairs.cluster)
            found |= {row.page: place for (row, _), place in zip(group, placed, strict=True)}
    return found


def rank_values(
    values: Sequence[FloatArray], cluster: IntArray, *, seed: int = SEED
) -> list[tuple[tuple[int, int], str]]:
    """Rank range and standing of M models by their values on the same N pairs, rows aligned.

    The tests of metrics.paired.compare without their intervals: sign flips of clusters, Holm over
    every two models.
    """
    places = list(combinations(range(len(values)), 2))
    flips = enough_flips(len(places))
    found = [sign_flip(values[a] - values[b], cluster, seed=seed, flips=flips) for a, b in places]
    tests = [
        PairedTest(a, b, float((values[a] - values[b]).mean()), None, flip, p, None, None)
        for (a, b), flip, p in zip(places, found, holm([flip.p for flip in found]), strict=True)
    ]
    first = leaders([float(value.mean()) for value in values], tests)
    return [
        (ends, _standing(model, first))
        for model, ends in enumerate(rank_ranges(len(values), tests))
    ]


def _standing(model: int, first: tuple[int, ...]) -> str:
    if model not in first:
        return ""
    if len(first) == 1:
        return "leads"
    return "highest, tied" if model == first[0] else "tied with the leader"
