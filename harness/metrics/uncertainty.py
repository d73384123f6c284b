"""How far an accuracy could be off: Wilson's interval and a bootstrap that knows clusters."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, TypeAlias

import numpy as np

from harness.metrics.accuracy import pair_values
from harness.metrics.table import FloatArray, IntArray, PairTable, VerdictTable

Interval: TypeAlias = tuple[float, float]

Z95 = 1.959963984540054  # the 0.975 quantile of the normal distribution
RESAMPLES = 2_000
FEWEST_CLUSTERS = 10  # below, a genre has no bootstrap interval (docs/design.md 4.4)
_BLOCK = 2_000_000  # random numbers held at once
_FEW_TO_A_KIND = 10  # a count of a kind takes as long to draw as this many clusters


class Stream(IntEnum):
    """Each use of chance has a stream of its own, so that no number hangs on another's draws."""

    BOOTSTRAP = 1
    GENRES = 2
    SIGN_FLIP = 3
    CALIBRATION = 4
    SECOND_BOOTSTRAP = 5
    SECOND_CALIBRATION = 6


def generator(seed: int, stream: Stream) -> np.random.Generator:
    """The generator of one use of chance under a run's seed (0 or more)."""
    return np.random.default_rng((seed, int(stream)))


def wilson95(k: float, n: int) -> Interval | None:
    """Wilson's score interval for k of n at 95 % (Wilson 1927, no continuity correction).

    k is the sum of pair values and may be fractional, n the number of pairs, never of orders
    (docs/design.md 4.4). Null for n = 0. It takes the pairs as independent: ci95 stands beside it.
    """
    if n == 0:
        return None
    p = min(max(k / n, 0.0), 1.0)
    shrink = 1 + Z95**2 / n
    centre = (p + Z95**2 / (2 * n)) / shrink
    half = Z95 / shrink * math.sqrt(p * (1 - p) / n + Z95**2 / (4 * n**2))
    # at the ends the formula is exact on paper and off by a rounding in floats
    low = 0.0 if p == 0.0 else max(centre - half, 0.0)
    return low, 1.0 if p == 1.0 else min(centre + half, 1.0)


@dataclass(frozen=True, slots=True)
class ClusterTypes:
    """The T distinct kinds of cluster in a set: sum of values, number of pairs, how many.

    Clusters with the same sum and size cannot be told apart by any statistic made of sums and
    sizes. So a resample or a permutation is drawn as counts of kinds: the distribution is
    exactly that of drawing clusters, and the cost does not grow with their number.
    """

    sums: FloatArray
    sizes: IntArray
    counts: IntArray
    of_cluster: IntArray


def cluster_totals(values: FloatArray, cluster: IntArray) -> tuple[FloatArray, IntArray]:
    """Sum of values and number of pairs of each cluster that has any; N rows to C rows."""
    _, row = np.unique(cluster, return_inverse=True)
    sums = np.asarray(np.bincount(row, weights=values), np.float64)
    return sums, np.bincount(row).astype(np.int64)


def cluster_types(sums: FloatArray, sizes: IntArray) -> ClusterTypes:
    """Group C clusters into their kinds, in an order that the clusters' numbering cannot move."""
    # sums of the same fractions added in another order differ in the last bits only
    distinct, place = np.unique(np.round(sums, 12), return_inverse=True)
    width = int(sizes.max(initial=0)) + 1
    kinds, of_cluster, counts = np.unique(
        place * width + sizes, return_inverse=True, return_counts=True
    )
    return ClusterTypes(
        sums=distinct[kinds // width],
        sizes=(kinds % width).astype(np.int64),
        counts=counts.astype(np.int64),
        of_cluster=of_cluster.astype(np.int64),
    )


def bootstrap_means(types: ClusterTypes, *, seed: int, resamples: int = RESAMPLES) -> FloatArray:
    """The mean over pairs in each resample of as many clusters as there are, with replacement.

    The ratio estimator: a resample's sum over its number of pairs, which varies.
    """
    rng = generator(seed, Stream.BOOTSTRAP)
    clusters = int(types.counts.sum())
    block = max(1, _BLOCK // types.counts.size)
    means = []
    for done in range(0, resamples, block):
        rows = min(block, resamples - done)
        drawn = rng.multinomial(clusters, types.counts / clusters, size=rows)
        means.append((drawn @ types.sums) / (drawn @ types.sizes))
    return np.concatenate(means)


def cluster_ci95(
    sums: FloatArray, sizes: IntArray, *, seed: int, resamples: int = RESAMPLES
) -> Interval | None:
    """Percentile bootstrap interval of the mean over pairs, resampling clusters.

    `sums` and `sizes` have a row a cluster. Null under two clusters, where a resample can only
    repeat the data. docs/design.md 5.5; clusters as in Miller, arXiv 2411.00640.
    """
    if sizes.size < 2:
        return None
    return percentiles95(
        bootstrap_means(cluster_types(sums, sizes), seed=seed, resamples=resamples)
    )


def bootstrap_totals(
    rows: FloatArray,
    cluster: IntArray,
    *,
    seed: int,
    resamples: int = RESAMPLES,
    stream: Stream = Stream.BOOTSTRAP,
) -> FloatArray:
    """Column sums of each resample of as many clusters as there are; N rows of K to (R, K).

    For what is made of several sums. Clusters whose K sums are equal (to 12 decimals) are of one
    kind; the kinds are drawn in the order of their sums, the first column first. With under ten
    clusters to a kind the clusters themselves are drawn, sorted alike: many kinds cost more.
    Another sample, held against this one, is drawn from another stream.
    """
    _, row = np.unique(cluster, return_inverse=True)
    sums = np.stack([np.round(np.bincount(row, weights=column), 12) for column in rows.T], axis=1)
    place = np.zeros(len(sums), np.int64)
    for column in sums.T:
        distinct, code = np.unique(column, return_inverse=True)
        place = np.unique(place * distinct.size + code, return_inverse=True)[1]
    _, first, counts = np.unique(place, return_index=True, return_counts=True)
    rng = generator(seed, stream)
    clusters = place.size
    if clusters < _FEW_TO_A_KIND * counts.size:
        sums = sums[np.argsort(place, kind="stable")]
        drawn = (rng.integers(clusters, size=clusters) for _ in range(resamples))
        return np.stack([np.bincount(draw, minlength=clusters) @ sums for draw in drawn])
    block = max(1, _BLOCK // counts.size)
    totals = []
    for done in range(0, resamples, block):
        size = min(block, resamples - done)
        totals.append(rng.multinomial(clusters, counts / clusters, size=size) @ sums[first])
    return np.concatenate(totals)


def percentiles95(values: FloatArray) -> Interval | None:
    """The 2.5 and 97.5 percentiles of what is not nan; null of nothing."""
    known = values[~np.isnan(values)]
    if not known.size:
        return None
    low, high = np.percentile(known, [2.5, 97.5])
    return float(low), float(high)


def uncertainty(pairs: PairTable, verdicts: VerdictTable, seed: int) -> dict[str, Any]:
    """`wilson95` and `ci95` of accuracy (docs/design.md 4.4); null without pairs.

    `wilson95` is Wilson's interval with k = sum of pair values and n = pairs; `ci95` the
    percentile interval of 2,000 resamples of whole clusters under `seed`.
    """
    values = pair_values(pairs, verdicts)
    sums, sizes = cluster_totals(values, pairs.cluster)
    return {
        "wilson95": as_list(wilson95(float(values.sum()), values.size)),
        "ci95": as_list(cluster_ci95(sums, sizes, seed=seed)),
    }


def number(value: float) -> float | None:
    """A number as it stands in results.json: null for nan."""
    return None if np.isnan(value) else float(value)


def as_list(interval: Interval | None) -> list[float] | None:
    """An interval as it stands in results.json."""
    return None if interval is None else list(interval)
