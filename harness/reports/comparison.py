"""Holds finished runs over the same pairs against each other (docs/design.md 5.5)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist

import numpy as np

from harness.errors import DataError
from harness.metrics import paired
from harness.metrics.accuracy import pair_values
from harness.metrics.preference import UNDERPOWERED
from harness.metrics.table import BoolArray, FloatArray, IntArray
from harness.metrics.uncertainty import (
    FEWEST_CLUSTERS,
    Interval,
    cluster_ci95,
    cluster_totals,
    wilson95,
)
from harness.stored import FinishedRun

POWER = 0.80
_SHOWN = 6  # differences named in one message


@dataclass(frozen=True, slots=True)
class GenreTest:
    """Two models on one genre; `p_holm` corrects over the genres of the comparison."""

    genre: str
    n: int
    clusters: int
    first: float
    second: float
    difference: float
    ci95: Interval | None
    p: float
    p_holm: float
    underpowered: bool


@dataclass(frozen=True, slots=True)
class RunComparison:
    """M runs on the same n pairs, in the order given.

    `smallest` stands beside `tests.tests`: the difference that test would find in 80 of 100
    repetitions, null where the two never differ. `genres` is for two runs that use one genre
    map, else empty.
    """

    labels: tuple[str, ...]
    n: int
    clusters: int
    tests: paired.Comparison
    smallest: tuple[float | None, ...]
    genres: tuple[GenreTest, ...]
    seed: int


def compare_runs(
    runs: Sequence[FinishedRun], labels: Sequence[str], *, seed: int, tie: float = 0.0
) -> RunComparison:
    """Compare two or more finished runs by their pair values, in which a tie is worth `tie`.

    Raises DataError saying what differs where they are not over the same pairs.
    """
    refuse_other_pairs(runs, labels)
    orders = same_order(runs)
    values = [
        pair_values(run.pairs, run.verdicts, tie=tie)[rows]
        for run, rows in zip(runs, orders, strict=True)
    ]
    cluster = runs[0].pairs.cluster
    tests = paired.compare(
        values,
        cluster,
        # a tie of half a point is no outcome of McNemar's test
        one_verdict=[tie == 0 and paired.one_verdict(run.verdicts) for run in runs],
        seed=seed,
    )
    count = len(tests.tests)
    smallest = tuple(
        smallest_difference(values[test.first] - values[test.second], cluster, tests=count)
        for test in tests.tests
    )
    genres = _genres(runs, orders, values, seed) if len(runs) == 2 else ()
    clusters = int(np.unique(cluster).size)
    return RunComparison(tuple(labels), cluster.size, clusters, tests, smallest, genres, seed)


def refuse_other_pairs(runs: Sequence[FinishedRun], labels: Sequence[str]) -> None:
    """DataError naming everything in which a run's pairs are not those of the first."""
    first, name = runs[0], labels[0]
    ids = set(first.pairs.pair_id)
    found: list[str] = []
    for run, label in zip(runs[1:], labels[1:], strict=True):
        for what, one, other in (
            ("language", first.results["language"], run.results["language"]),
            ("data", _data(first), _data(run)),
        ):
            if one != other:
                found.append(f"{what}: {name} has {one}, {label} has {other}")
        others = set(run.pairs.pair_id)
        if ids != others:
            found.append(
                f"pairs: {name} has {len(ids):,}, {label} has {len(others):,}, "
                f"{len(ids & others):,} of them in both"
            )
    if found:
        more = [f"and {len(found) - _SHOWN} more"] if len(found) > _SHOWN else []
        raise DataError(
            "the runs are not over the same pairs:\n  "
            + "\n  ".join(found[:_SHOWN] + more)
            + "\nrun them on the same file with the same --genres, --limit, --seed and --bad_rows"
        )


def _data(run: FinishedRun) -> str:
    return f"{run.results['data']['file']} (sha256 {run.results['data']['sha256'][:8]})"


def same_order(runs: Sequence[FinishedRun]) -> list[IntArray]:
    """For every run the rows that put its pairs in the order of the first run's."""
    ids = runs[0].pairs.pair_id
    orders = []
    for run in runs:
        if run.pairs.pair_id == ids:
            orders.append(np.arange(len(ids)))
        else:
            row = {pair_id: i for i, pair_id in enumerate(run.pairs.pair_id)}
            orders.append(np.array([row[pair_id] for pair_id in ids], np.int64))
    return orders


def smallest_difference(difference: FloatArray, cluster: IntArray, *, tests: int) -> float | None:
    """The true difference that would be significant at 5 % in 80 % of repetitions.

    Normal approximation, (z(1 - 0.05 / 2 / tests) + z(0.8)) x the cluster-robust standard error
    of the mean of N differences; `tests` > 1 allows for Holm's first step. Null where nothing
    varies or fewer than two clusters stand behind it.
    """
    sums, sizes = cluster_totals(difference, cluster)
    clusters = sums.size
    if clusters < 2:
        return None
    residual = sums - difference.mean() * sizes
    error = math.sqrt(clusters / (clusters - 1) * float(residual @ residual)) / difference.size
    normal = NormalDist()
    reach = normal.inv_cdf(1 - paired.ALPHA / 2 / tests) + normal.inv_cdf(POWER)
    return reach * error if error > 1e-12 else None


def _genres(
    runs: Sequence[FinishedRun],
    orders: Sequence[IntArray],
    values: Sequence[FloatArray],
    seed: int,
) -> tuple[GenreTest, ...]:
    pairs = runs[0].pairs
    for run, rows in zip(runs, orders, strict=True):
        # two genre maps: no common genres to compare on
        if run.pairs.genres != pairs.genres or (run.pairs.genre[rows] != pairs.genre).any():
            return ()
    found = []
    for code, name in enumerate(pairs.genres):
        inside = pairs.genre == code
        if inside.any():
            found.append(_genre(name, inside, values, pairs.cluster, seed))
    corrected = paired.holm([row.p for row in found])
    return tuple(replace(row, p_holm=p) for row, p in zip(found, corrected, strict=True))


def _genre(
    name: str, inside: BoolArray, values: Sequence[FloatArray], cluster: IntArray, seed: int
) -> GenreTest:
    """One genre's row, its p not corrected yet."""
    first, second = values[0][inside], values[1][inside]
    own = cluster[inside]
    sums, sizes = cluster_totals(first - second, own)
    flip = paired.sign_flip(first - second, own, seed=seed)
    wilson = [wilson95(float(side.sum()), side.size) for side in (first, second)]
    return GenreTest(
        genre=name,
        n=first.size,
        clusters=sizes.size,
        first=float(first.mean()),
        second=float(second.mean()),
        difference=float((first - second).mean()),
        ci95=cluster_ci95(sums, sizes, seed=seed) if sizes.size >= FEWEST_CLUSTERS else None,
        p=flip.p,
        p_holm=flip.p,
        underpowered=any(w is not None and (w[1] - w[0]) / 2 > UNDERPOWERED for w in wilson),
    )
