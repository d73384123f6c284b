"""Paired tests against scipy, statsmodels and hand-worked counts."""

from __future__ import annotations

import numpy as np
import pytest
from metric_tables import tables
from scipy.stats import permutation_test
from statsmodels.stats.contingency_tables import mcnemar as statsmodels_mcnemar
from statsmodels.stats.multitest import multipletests

from harness.errors import DataError
from harness.metrics.paired import compare, holm, mcnemar, one_verdict, sign_flip


def test_few_clusters_have_every_flip_counted_as_in_scipy():
    rng = np.random.default_rng(0)
    cluster = rng.integers(0, 11, 60)
    difference = rng.choice([-1, -0.5, 0, 0.5, 1], 60, p=[0.1, 0.2, 0.2, 0.3, 0.2])
    sums = np.bincount(cluster, weights=difference)
    found = sign_flip(difference, cluster, seed=0)
    # scipy doubles the smaller tail; the null of the sum is symmetric
    expected = permutation_test(
        (sums,), np.sum, permutation_type="samples", n_resamples=np.inf, alternative="two-sided"
    )
    assert found.exact and found.clusters == np.count_nonzero(sums)
    assert found.p == pytest.approx(expected.pvalue)


def test_five_clusters_that_all_favour_one_model_give_2_in_32():
    assert sign_flip(np.ones(5), np.arange(5), seed=0).p == 2 / 32


def test_pairs_of_a_cluster_flip_together():
    linked = sign_flip(np.ones(12), np.arange(12) // 4, seed=0)
    assert linked.clusters == 3 and linked.p == 2 / 8


def test_many_clusters_have_drawn_flips_near_the_exact_p():
    rng = np.random.default_rng(4)
    difference = rng.choice([-1.0, 0.5, 1.0], 22)
    flipped = np.zeros(1)
    for step in difference:
        flipped = np.concatenate([flipped + step, flipped - step])
    exact = float((np.abs(flipped) >= abs(difference.sum()) - 1e-9).mean())
    found = sign_flip(difference, np.arange(22), seed=0)
    assert not found.exact and found.clusters == 22
    assert abs(found.p - exact) < 5 * (exact * (1 - exact) / 9_999) ** 0.5 + 1e-4


def test_drawn_flips_never_give_a_p_of_zero():
    assert sign_flip(np.ones(400), np.arange(400), seed=0).p == 1 / 10_000


def test_thirds_that_are_equal_on_paper_count_as_equal():
    # 1/3 three times against 1: the observed sum is reached by 4 of the 16 flips
    difference = np.array([1 / 3, 1 / 3, 1 / 3, 1.0])
    assert sign_flip(difference, np.arange(4), seed=0).p == 2 / 16
    assert sign_flip(difference * [1, 1, 1, -1], np.arange(4), seed=0).p == 1.0


def test_models_that_never_differ_have_p_1():
    assert sign_flip(np.zeros(9), np.arange(9), seed=0).p == 1.0
    assert mcnemar(np.ones(4), np.ones(4)).p == 1.0


@pytest.mark.parametrize(("both", "b", "c", "none"), [(5, 8, 1, 3), (50, 20, 20, 9), (0, 0, 6, 1)])
def test_mcnemar_is_statsmodels_exact_mcnemar(both, b, c, none):
    first = np.repeat([1.0, 1.0, 0.0, 0.0], [both, b, c, none])
    second = np.repeat([1.0, 0.0, 1.0, 0.0], [both, b, c, none])
    found = mcnemar(first, second)
    assert (found.first_only, found.second_only) == (b, c)
    assert found.p == pytest.approx(statsmodels_mcnemar([[both, b], [c, none]], exact=True).pvalue)


def test_mcnemar_of_8_against_1_is_20_in_512():
    assert mcnemar(np.repeat([1.0, 0.0], [8, 1]), np.repeat([0.0, 1.0], [8, 1])).p == 20 / 512


def test_mcnemar_refuses_half_credits():
    with pytest.raises(ValueError, match="one verdict"):
        mcnemar(np.array([0.5]), np.array([1.0]))


@pytest.mark.parametrize(
    "p", [[], [0.03], [0.01, 0.04, 0.03, 0.005], [0.02, 0.02, 0.9, 0.8, 0.001], [1.0, 1.0]]
)
def test_holm_is_statsmodels_holm(p):
    assert holm(p) == pytest.approx(multipletests(p, method="holm")[1] if p else [])


def make_models(wins, n=60):
    """Models that are right on their first so many pairs."""
    return [(np.arange(n) < count).astype(float) for count in wins]


def test_ranks_are_ranges_and_the_leader_has_company():
    found = compare(make_models([30, 58, 56]), np.arange(60), one_verdict=[True] * 3, seed=0)
    assert found.accuracy == pytest.approx((0.5, 58 / 60, 56 / 60))
    assert found.leaders == (1, 2)
    assert found.ranks == ((3, 3), (1, 2), (1, 2))
    assert [(test.first, test.second) for test in found.tests] == [(0, 1), (0, 2), (1, 2)]


def test_models_that_noise_alone_tells_apart_share_every_rank():
    found = compare(make_models([30, 31]), np.arange(60), one_verdict=[True, True], seed=0)
    assert found.leaders == (1, 0) and found.ranks == ((1, 2), (1, 2))


def test_a_comparison_corrects_over_all_pairs_of_models():
    found = compare(make_models([30, 36, 37, 55]), np.arange(60), one_verdict=[True] * 4, seed=0)
    plain = [test.sign_flip.p for test in found.tests]
    assert [test.p_holm for test in found.tests] == pytest.approx(
        multipletests(plain, method="holm")[1]
    )
    exact = [test.mcnemar.p for test in found.tests]
    assert [test.mcnemar_p_holm for test in found.tests] == pytest.approx(
        multipletests(exact, method="holm")[1]
    )


def test_the_difference_has_an_interval_over_clusters():
    first, second = make_models([40, 30])
    test = compare([first, second], np.arange(60), one_verdict=[True, True], seed=0).tests[0]
    assert test.difference == pytest.approx(10 / 60)
    # 10 of 60 pairs differ, all one way: the binomial percentiles of 10/60
    assert test.ci95 == pytest.approx((0.083, 0.267), abs=0.02)


def test_mcnemar_is_left_out_where_a_run_has_several_verdicts_a_pair():
    models = [*make_models([40, 30]), np.full(60, 0.5)]
    found = compare(models, np.arange(60), one_verdict=[True, True, False], seed=0)
    assert [test.mcnemar is None for test in found.tests] == [False, True, True]
    assert [test.mcnemar_p_holm is None for test in found.tests] == [False, True, True]


def test_a_run_with_both_orders_is_not_a_one_verdict_run():
    assert one_verdict(tables(["chosen", "tie"])[1])
    assert not one_verdict(tables([("chosen", "tie")])[1])


def test_runs_without_a_common_pair_cannot_be_compared():
    with pytest.raises(DataError, match="no pair in common"):
        compare([np.empty(0)] * 2, np.empty(0, int), one_verdict=[True, True], seed=0)


def test_swapping_the_models_swaps_the_sign_and_keeps_p():
    first, second = make_models([40, 30])
    one = compare([first, second], np.arange(60), one_verdict=[True, True], seed=0).tests[0]
    two = compare([second, first], np.arange(60), one_verdict=[True, True], seed=0).tests[0]
    assert two.difference == -one.difference and two.p_holm == one.p_holm
