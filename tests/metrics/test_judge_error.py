"""Win rates corrected for the judge's errors: worked cases, a simulation, the delta method."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from arena_tables import random_lines, units, won
from metric_tables import tables

from harness.metrics.judge_error import (
    Calibration,
    calibration,
    corrected_win_rates,
    judge_accuracy,
    without_errors,
)


def judge(right, wrong, ties=0):
    values = np.array([1.0] * right + [0.0] * wrong + [0.5] * ties)
    return Calibration(values, np.arange(values.size))


def corrected(lines, own, seed=0):
    return corrected_win_rates(units(lines), own, seed=seed)


@pytest.mark.parametrize(
    ("p", "q", "theta"),
    [(0.6, 0.8, 2 / 3), (0.5, 0.6, 0.5), (0.3, 1.0, 0.3), (0.2, 0.9, 0.125), (0.9, 0.7, 1.5)],
)
def test_the_formula_of_worked_cases(p, q, theta):
    assert without_errors(np.array(p), np.array(q)) == pytest.approx(theta)


def test_a_judge_without_errors_changes_nothing():
    found = corrected(won(12, 8), judge(50, 0))
    assert found["corrected"] == [[None, pytest.approx(0.6)], [pytest.approx(0.4), None]]
    assert found["reason"] is None and found["judge_ci95"] == [1.0, 1.0]


def test_ties_are_half_in_both_rates():
    # p = (50 + 10) / 100, q = (700 + 100) / 1000
    found = corrected(won(50, 30, 20), judge(700, 100, 200))
    assert found["judge_accuracy"] == 0.8
    assert found["corrected"][0][1] == pytest.approx((0.6 + 0.8 - 1) / 0.6)


def test_a_rate_beyond_one_is_told_and_not_cut():
    found = corrected(won(90, 10), judge(700, 300))
    assert found["corrected"][0][1] == pytest.approx(1.5)
    assert found["outside"] == [[None, True], [True, None]]


@pytest.mark.parametrize(
    ("own", "reason"),
    [
        (judge(26, 24), "the judge may be no better than a coin"),
        (judge(10, 90), "the judge may be no better than a coin"),
        (judge(0, 0), "the judge has no pair with valid verdicts"),
        (Calibration(np.ones(9), np.zeros(9, int)), "the judge's accuracy has no interval: its pairs are of one cluster"),
    ],
)  # fmt: skip
def test_a_judge_not_shown_to_beat_a_coin_corrects_nothing(own, reason):
    found = corrected(won(12, 8), own)
    nothing = [[None, None], [None, None]]
    assert found["reason"] == reason
    assert found["corrected"] == found["corrected_ci95"] == found["outside"] == nothing


def test_the_interval_is_near_that_of_the_delta_method():
    n, calibrated = 900, 1200
    p, q = 0.6, 0.8
    found = corrected(won(540, 360), judge(960, 240))
    theta = (p + q - 1) / (2 * q - 1)
    # d theta / dp = 1 / (2q - 1), d theta / dq = (1 - 2p) / (2q - 1)^2
    variance = p * (1 - p) / n / (2 * q - 1) ** 2
    variance += q * (1 - q) / calibrated * (1 - 2 * p) ** 2 / (2 * q - 1) ** 4
    half = 1.96 * math.sqrt(variance)
    assert found["corrected_ci95"][0][1] == pytest.approx([theta - half, theta + half], abs=0.01)
    low, high = found["corrected_ci95"][0][1]
    assert found["corrected_ci95"][1][0] == pytest.approx([1 - high, 1 - low])


def test_the_interval_covers_the_truth_about_as_often_as_it_says():
    rng = np.random.default_rng(0)
    theta, q = 0.65, 0.75
    covered = 0
    for seed in range(100):
        truth = rng.random(200) < theta
        says = np.where(rng.random(200) < q, truth, ~truth)
        right = int((rng.random(400) < q).sum())
        found = corrected(won(int(says.sum()), int((~says).sum())), judge(right, 400 - right), seed)
        low, high = found["corrected_ci95"][0][1]
        covered += low <= theta <= high
    assert 88 <= covered <= 100


def test_clusters_of_pairs_widen_the_judges_interval():
    values = np.repeat(np.array([1.0] * 70 + [0.0] * 30), 5)
    alone = judge_accuracy(Calibration(values, np.arange(500)), seed=0).ci95
    whole = judge_accuracy(Calibration(values, np.repeat(np.arange(100), 5)), seed=0).ci95
    assert (whole[1] - whole[0]) / (alone[1] - alone[0]) == pytest.approx(math.sqrt(5), rel=0.1)


def test_a_preference_run_is_counted_as_an_arena_counts():
    pairs, verdicts = tables(
        [
            ("chosen", "chosen"),
            ("chosen", "rejected"),
            ("rejected", "tie"),
            ("chosen", "tie"),
            ("chosen", "error"),
            "rejected",
        ],
        cluster=[4, 4, 7, 8, 8, 9],
    )
    found = calibration(pairs, verdicts)
    assert found.values.tolist() == [1.0, 0.5, 0.0, 1.0, 0.0]
    assert np.unique(found.cluster, return_inverse=True)[1].tolist() == [0, 0, 1, 2, 3]


def test_all_runs_are_corrected_at_once_and_the_rest_is_plain_json():
    found = corrected(random_lines(3), judge(80, 20))
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    for i in range(4):
        for j in range(i):
            assert found["corrected"][i][j] == pytest.approx(1 - found["corrected"][j][i])
