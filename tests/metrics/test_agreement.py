"""Krippendorff's alpha against its author's examples and an independent library."""

from __future__ import annotations

import krippendorff
import numpy as np
import pytest

from harness.metrics.agreement import alpha, alpha_ci95

# Krippendorff, Computing Krippendorff's Alpha-Reliability (2011), sections A and C
TWO_OBSERVERS = ["0100000010", "1110010000"]
FOUR_OBSERVERS = ["123321412...", "1233224125.3", ".3332342251.", "12332441251."]


def table(observers):
    """Counts of units by category."""
    names = sorted(set("".join(observers)) - {"."})
    return np.array(
        [
            [sum(row[unit] == name for row in observers) for name in names]
            for unit in range(len(observers[0]))
        ]
    )


def random_votes(seed, judges=4, units=80, missing=0.2):
    """Judges that mostly agree, categories 0 to 2, nan where there is no vote."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 3, units)
    votes = np.where(rng.random((judges, units)) < 0.6, truth, rng.integers(0, 3, (judges, units)))
    return np.where(rng.random((judges, units)) < missing, np.nan, votes.astype(float))


def counts_of(votes):
    return np.stack([(votes == category).sum(axis=0) for category in range(3)], axis=1)


def test_alpha_is_that_of_the_authors_example_of_two_observers():
    assert alpha(table(TWO_OBSERVERS)) == pytest.approx(0.095, abs=5e-4)


def test_alpha_is_that_of_the_authors_example_with_missing_values():
    assert alpha(table(FOUR_OBSERVERS)) == pytest.approx(0.743, abs=5e-4)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("judges", [2, 5])
def test_alpha_is_that_of_the_krippendorff_package(seed, judges):
    votes = random_votes(seed, judges)
    expected = krippendorff.alpha(reliability_data=votes, level_of_measurement="nominal")
    assert alpha(counts_of(votes)) == pytest.approx(expected, abs=1e-12)


def test_perfect_agreement_is_one():
    assert alpha(np.array([[3, 0], [0, 3], [2, 0]])) == 1.0


def test_judges_who_always_differ_are_below_zero():
    assert alpha(np.array([[1, 1]] * 10)) < 0


def test_a_unit_with_one_vote_changes_nothing():
    counts = np.array([[2, 0], [1, 1], [0, 2], [2, 0]])
    assert alpha(np.vstack([counts, [[1, 0], [0, 0]]])) == alpha(counts)


@pytest.mark.parametrize("counts", [[[3, 0], [2, 0]], [[1, 0], [0, 1]], np.zeros((0, 3), int)])
def test_alpha_is_null_where_nothing_could_differ(counts):
    assert alpha(np.array(counts)) is None
    assert alpha_ci95(np.array(counts), np.arange(len(counts)), seed=0) is None


@pytest.mark.parametrize("size", [1, 4])
def test_the_interval_is_that_of_a_bootstrap_written_out(size):
    counts = counts_of(random_votes(1, units=120))
    cluster = np.arange(120) // size
    rng = np.random.default_rng(7)
    drawn = []
    for _ in range(1500):
        picked = rng.integers(0, cluster.max() + 1, cluster.max() + 1)
        rows = np.concatenate([np.flatnonzero(cluster == one) for one in picked])
        drawn.append(alpha(counts[rows]))
    assert alpha_ci95(counts, cluster, seed=0) == pytest.approx(
        tuple(np.percentile(drawn, [2.5, 97.5])), abs=0.015
    )


def test_many_kinds_of_cluster_give_the_interval_that_few_do():
    rng = np.random.default_rng(3)
    counts = counts_of(random_votes(2, judges=5, units=1200))
    alone = alpha_ci95(counts, np.arange(1200), seed=0)  # a few dozen kinds of one unit
    mixed = alpha_ci95(counts, rng.permutation(np.arange(1200) // 2), seed=0)  # kinds without end
    assert mixed == pytest.approx(alone, abs=0.02)


def test_one_cluster_has_no_interval():
    counts = counts_of(random_votes(3))
    assert alpha_ci95(counts, np.zeros(80, int), seed=0) is None


@pytest.mark.parametrize("size", [1, 8])
def test_the_numbering_of_clusters_does_not_matter(size):
    counts = counts_of(random_votes(4, units=800))
    cluster = np.arange(800) // size
    found = alpha_ci95(counts, cluster, seed=0)
    assert alpha_ci95(counts, 999 - cluster, seed=0) == pytest.approx(found, abs=1e-12)
