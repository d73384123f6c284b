"""Do the genres differ, or is their spread what so few pairs give by chance?"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from harness.metrics.accuracy import mean, pair_values
from harness.metrics.table import FloatArray, IntArray, PairTable, VerdictTable
from harness.metrics.uncertainty import (
    ClusterTypes,
    Stream,
    cluster_totals,
    cluster_types,
    generator,
)

PERMUTATIONS = 9_999
_BLOCK = 200_000  # cells of random tables held at once: more fall out of the cache


def genres(pairs: PairTable, verdicts: VerdictTable, seed: int) -> dict[str, Any]:
    """The genre columns of docs/design.md 4.4 and 5.5; null without pairs.

    `macro_accuracy`: mean of the accuracies of the genres with pairs. `genre_std`: their
    population standard deviation (the Std column of arXiv 2510.14616, tables 1 and 2); both by
    each pair's own genre. `genre_std_noise` and `genre_heterogeneity_p`: see `genre_noise`.
    """
    values = pair_values(pairs, verdicts)
    n = np.bincount(pairs.genre, minlength=len(pairs.genres))
    sums = np.bincount(pairs.genre, weights=values, minlength=len(pairs.genres))
    by_genre = sums[n > 0] / n[n > 0]
    noise, p = genre_noise(values, pairs.cluster, pairs.genre, seed=seed)
    return {
        "macro_accuracy": mean(by_genre),
        "genre_std": float(by_genre.std()) if by_genre.size else None,
        "genre_std_noise": noise,
        "genre_heterogeneity_p": p,
    }


def genre_noise(
    values: FloatArray,
    cluster: IntArray,
    genre: IntArray,
    *,
    seed: int,
    permutations: int = PERMUTATIONS,
) -> tuple[float | None, float | None]:
    """Spread of genre accuracies when genre labels are dealt anew to clusters, and its p.

    Every cluster keeps its pairs and is dealt one label; the labels dealt are the clusters'
    majority genres (of equally frequent ones the lowest code). First number: the mean over the
    permutations of the population standard deviation of the genre accuracies, to hold against
    genre_std. Second: p = (b + 1) / (permutations + 1), b the permutations whose sum over
    genres of n_g (acc_g - acc)^2 is at least the observed one, computed with majority labels
    as well. N values, cluster and genre codes in. Both null with fewer than two genres to deal.
    Source: docs/design.md 5.5.
    """
    label = majority(cluster, genre)
    dealt = np.unique(label, return_counts=True)[1]
    if dealt.size < 2:
        return None, None
    types = cluster_types(*cluster_totals(values, cluster))
    observed = np.zeros((1, types.counts.size, dealt.size), np.int64)
    np.add.at(observed[0], (types.of_cluster, np.unique(label, return_inverse=True)[1]), 1)
    _, floor = _spread(observed, types)
    rng = generator(seed, Stream.GENRES)
    block = max(1, _BLOCK // observed.size)
    deviation, at_least = 0.0, 0
    for done in range(0, permutations, block):
        tables = _deal(types.counts, dealt, min(block, permutations - done), rng)
        deviations, statistics = _spread(tables, types)
        deviation += float(deviations.sum())
        # equal on paper, different in the last bits
        at_least += int((statistics >= floor * (1 - 1e-9) - 1e-9).sum())
    return deviation / permutations, (at_least + 1) / (permutations + 1)


def majority(cluster: IntArray, genre: IntArray) -> IntArray:
    """The most frequent genre of each cluster, the lowest code among equals; N rows to C rows.

    Rows are in the order of the sorted cluster codes.
    """
    _, row = np.unique(cluster, return_inverse=True)
    width = int(genre.max(initial=0)) + 1
    cells, counts = np.unique(row * width + genre, return_counts=True)
    # by cluster, then most frequent first, then lowest code: the first of a cluster wins
    turn = np.lexsort((cells % width, -counts, cells // width))
    owner = (cells // width)[turn]
    return np.asarray((cells % width)[turn][np.flatnonzero(np.diff(owner, prepend=-1))], np.int64)


def _deal(
    kinds: IntArray, dealt: npt.NDArray[Any], size: int, rng: np.random.Generator
) -> IntArray:
    """`size` random tables of cluster kinds by genre labels, as permuting the labels gives.

    A uniform permutation makes the table a draw with both margins fixed. (size, T, G).
    """
    from scipy.stats import random_table

    tables = random_table.rvs(kinds, dealt, size=size, random_state=rng)
    return np.asarray(tables, np.int64).reshape(size, kinds.size, dealt.size)


def _spread(tables: IntArray, types: ClusterTypes) -> tuple[FloatArray, FloatArray]:
    """Population SD of genre accuracies, and sum of n_g (acc_g - acc)^2, of each table."""
    n = np.einsum("btg,t->bg", tables, types.sizes)
    by_genre = np.einsum("btg,t->bg", tables, types.sums) / n
    overall = float(types.counts @ types.sums) / float(types.counts @ types.sizes)
    return by_genre.std(axis=1), (n * (by_genre - overall) ** 2).sum(axis=1)
