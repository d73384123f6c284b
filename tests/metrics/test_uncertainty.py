"""Wilson's interval against statsmodels and published facts, the bootstrap against enumeration."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from metric_tables import tables
from statsmodels.stats.proportion import proportion_confint

from harness.metrics.uncertainty import (
    bootstrap_means,
    cluster_ci95,
    cluster_totals,
    cluster_types,
    uncertainty,
    wilson95,
)


@pytest.mark.parametrize(
    ("k", "n"), [(0, 1), (1, 1), (0, 11), (11, 11), (3, 7), (164, 353), (28.5, 69), (600, 1200)]
)
def test_wilson_is_statsmodels_wilson(k, n):
    assert wilson95(k, n) == pytest.approx(proportion_confint(k, n, method="wilson"), abs=1e-12)


def test_wilson_ends_are_exact_at_none_and_all():
    assert wilson95(0, 5)[0] == 0.0 and wilson95(5, 5)[1] == 1.0


def test_wilson_of_nothing_is_null():
    assert wilson95(0, 0) is None


@pytest.mark.parametrize(
    ("k", "n", "low", "high"), [(128, 204, 55.9, 69.1), (164, 353, 41.3, 51.7)]
)
def test_wilson_gives_the_intervals_of_the_published_win_rates(k, n, low, high):
    # the COIG-Writer wins of +10k over G, Chinese and English (arXiv 2510.14763, table 2)
    assert [round(100 * end, 1) for end in wilson95(k, n)] == [low, high]


@pytest.mark.parametrize(
    ("n", "points"),
    [(11, 25), (23, 19), (47, 13), (104, 9), (204, 6.7), (353, 5.1), (600, 3.9), (1200, 2.8)],
)
def test_wilson_half_widths_at_60_percent_are_the_published_ones(n, points):
    low, high = wilson95(0.6 * n, n)
    tolerance = 0.05 if points < 9 else 0.5
    assert 50 * (high - low) == pytest.approx(points, abs=tolerance)


@pytest.mark.parametrize(("n", "points"), [(600, 4.0), (1200, 2.8)])
def test_sampling_noise_at_an_even_chance_is_4_points_of_600_and_2_8_of_1200(n, points):
    low, high = wilson95(n / 2, n)
    assert 50 * (high - low) == pytest.approx(points, abs=0.05)


def test_cluster_kinds_hold_every_cluster_once():
    values = np.array([1, 0, 0, 1, 1, 1, 0.5, 0.5])
    cluster = np.array([0, 0, 1, 1, 2, 3, 4, 4])
    types = cluster_types(*cluster_totals(values, cluster))
    # clusters 0, 1 and 4 all have one win in two pairs
    assert types.sums.tolist() == [1.0, 1.0]
    assert types.sizes.tolist() == [1, 2] and types.counts.tolist() == [2, 3]
    assert types.of_cluster.tolist() == [1, 1, 0, 0, 1]


def test_bootstrap_of_kinds_has_the_distribution_of_resampled_clusters():
    sums, sizes = np.array([2.0, 0.0, 1.0, 1.0]), np.array([2, 1, 3, 3])
    exact: dict[float, float] = {}
    for drawn in product(range(4), repeat=4):
        value = round(sums[list(drawn)].sum() / sizes[list(drawn)].sum(), 9)
        exact[value] = exact.get(value, 0.0) + 4.0**-4
    means = bootstrap_means(cluster_types(sums, sizes), seed=3, resamples=40_000)
    seen, counts = np.unique(np.round(means, 9), return_counts=True)
    assert set(seen.tolist()) <= set(exact)
    for value, share in exact.items():
        found = counts[seen == value].sum() / 40_000
        assert abs(found - share) < 5 * (share * (1 - share) / 40_000) ** 0.5


def test_bootstrap_interval_is_that_of_a_plain_loop_over_clusters():
    rng = np.random.default_rng(1)
    cluster = rng.integers(0, 30, 120)
    values = rng.choice([0.0, 0.5, 1.0], 120)
    sums, sizes = cluster_totals(values, cluster)
    loop = []
    for _ in range(4_000):
        drawn = rng.integers(0, sizes.size, sizes.size)
        loop.append(sums[drawn].sum() / sizes[drawn].sum())
    assert cluster_ci95(sums, sizes, seed=0, resamples=4_000) == pytest.approx(
        np.percentile(loop, [2.5, 97.5]), abs=0.01
    )


def test_pairs_of_one_prompt_that_agree_widen_the_interval():
    values = np.repeat([1.0, 0.0], 30)
    alone = cluster_ci95(*cluster_totals(values, np.arange(60)), seed=0)
    linked = cluster_ci95(*cluster_totals(values, np.arange(60) // 6), seed=0)
    assert linked[1] - linked[0] > 1.8 * (alone[1] - alone[0])


def test_the_same_seed_gives_the_same_interval_and_another_seed_another():
    sums, sizes = np.arange(40.0) % 7, np.full(40, 7)
    first = cluster_ci95(sums, sizes, seed=5)
    assert first == cluster_ci95(sums, sizes, seed=5) != cluster_ci95(sums, sizes, seed=6)


def test_one_cluster_has_no_bootstrap_interval():
    assert cluster_ci95(np.array([3.0]), np.array([4]), seed=0) is None


def test_wilson_counts_pairs_and_never_orders():
    run = tables([("chosen", "rejected")] * 10)
    numbers = uncertainty(*run, 0)
    assert numbers["wilson95"] == pytest.approx(proportion_confint(5, 10, method="wilson"))
    assert numbers["ci95"] == [0.5, 0.5]


def test_no_pairs_have_no_intervals():
    assert uncertainty(*tables([]), 0) == {"wilson95": None, "ci95": None}
