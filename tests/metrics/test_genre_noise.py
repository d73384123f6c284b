"""The spread of genres, and what permuting genre labels over clusters says of it."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from metric_tables import tables

from harness.metrics.genres import genre_noise, genres, majority


def plain(values, cluster, labels):
    """Population SD and sum of n_g (acc_g - acc)^2 for a label a cluster."""
    of_pair = labels[cluster]
    overall = values.mean()
    means, statistic = [], 0.0
    for genre in np.unique(labels):
        own = values[of_pair == genre]
        means.append(own.mean())
        statistic += own.size * (own.mean() - overall) ** 2
    return np.std(means), statistic


CLUSTER = np.array([0, 0, 0, 1, 2, 2, 3, 4, 4, 5, 5, 6])
VALUES = np.array([1, 1, 0.5, 1, 0, 1, 0, 0, 0.5, 1, 1, 0])
LABELS = np.array([0, 0, 1, 1, 1, 2, 2])


def test_permuting_kinds_has_the_distribution_of_permuting_every_cluster():
    exact = [plain(VALUES, CLUSTER, LABELS[list(turn)]) for turn in permutations(range(7))]
    observed = plain(VALUES, CLUSTER, LABELS)[1]
    noise, p = genre_noise(VALUES, CLUSTER, LABELS[CLUSTER], seed=0, permutations=20_000)
    deviations = np.array([deviation for deviation, _ in exact])
    share = np.mean([statistic >= observed - 1e-9 for _, statistic in exact])
    assert abs(noise - deviations.mean()) < 5 * deviations.std() / 20_000**0.5
    assert abs(p - share) < 5 * (share * (1 - share) / 20_000) ** 0.5 + 1e-4


def test_a_cluster_keeps_its_majority_genre_and_the_lowest_code_of_equals():
    cluster = np.array([7, 7, 7, 3, 3, 5])
    genre = np.array([2, 1, 2, 4, 0, 6])
    assert majority(cluster, genre).tolist() == [0, 6, 2]


def test_a_real_difference_between_genres_is_found():
    genre = np.repeat([0, 1], 40)
    values = np.where(genre == 0, 1.0, 0.0)
    noise, p = genre_noise(values, np.arange(80), genre, seed=0)
    assert p == 1 / 10_000
    assert noise < 0.1


def test_p_is_about_uniform_when_genres_do_not_matter():
    rng = np.random.default_rng(0)
    found = []
    for trial in range(200):
        cluster = rng.integers(0, 40, 120)
        genre = rng.integers(0, 4, 40)[cluster]
        # pairs of a cluster agree more than others: the test must know it
        values = (rng.random(120) < rng.random(40)[cluster]).astype(float)
        found.append(genre_noise(values, cluster, genre, seed=trial, permutations=199)[1])
    assert 0.03 < np.mean(np.array(found) <= 0.1) < 0.18
    assert 0.42 < np.mean(found) < 0.58


def test_where_every_pair_is_right_the_genres_do_not_differ():
    assert genre_noise(np.ones(12), np.arange(12), np.arange(12) % 3, seed=0) == (0.0, 1.0)


def test_one_genre_has_no_noise_and_no_p():
    assert genre_noise(np.ones(3), np.arange(3), np.zeros(3, int), seed=0) == (None, None)


def test_the_number_of_tables_held_at_once_does_not_change_the_distribution(monkeypatch):
    whole = genre_noise(VALUES, CLUSTER, LABELS[CLUSTER], seed=0)
    monkeypatch.setattr("harness.metrics.genres._BLOCK", 500)
    blocks = genre_noise(VALUES, CLUSTER, LABELS[CLUSTER], seed=0)
    assert blocks == pytest.approx(whole, abs=0.02)


def test_macro_accuracy_and_spread_are_over_each_pairs_own_genre():
    run = tables(
        ["chosen", "chosen", "rejected", "chosen"],
        genre=["A", "A", "B", "B"],
        cluster=[0, 1, 1, 2],
    )
    numbers = genres(*run, 0)
    assert numbers["macro_accuracy"] == 0.75  # (1 + 0.5) / 2
    assert numbers["genre_std"] == 0.25


def test_no_pairs_have_no_genre_numbers():
    assert set(genres(*tables([]), 0).values()) == {None}
