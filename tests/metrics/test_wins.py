"""Win matrices and their tests against the published figures, scipy and loops."""

from __future__ import annotations

import numpy as np
import pytest
from arena_tables import arena_line, random_lines, units, won
from scipy.stats import binomtest
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

from harness.metrics.paired import sign_flip
from harness.metrics.wins import (
    count_matrices,
    count_units,
    judged_again,
    p_matrices,
    pair_tests,
    resample,
    win_ci95,
)


def matrices(lines, *, by_prompt=False, seed=0):
    found = units(lines)
    counts = count_units(found)
    tests = pair_tests(found, counts, by_prompt=by_prompt, seed=seed)
    return count_matrices(counts) | p_matrices(tests, len(found.runs))


@pytest.mark.parametrize(
    ("k", "n", "rate", "wilson", "p"),
    [
        (128, 204, 62.75, [55.9, 69.1], 3.3e-4),
        (164, 353, 46.46, [41.3, 51.7], 0.20),
        (102, 204, 50.00, None, 1.0),
        (86, 204, 42.16, None, 0.03),
        (73, 204, 35.78, None, 6e-5),
        (149, 353, 42.21, None, 0.004),
    ],
)
def test_published_cells_have_their_rate_interval_and_p(k, n, rate, wilson, p):
    found = matrices(won(k, n - k))
    assert round(100 * found["win_rate"][0][1], 2) == rate
    assert found["p"][0][1] == pytest.approx(p, rel=0.2 if p < 1 else 0)
    if wilson:
        assert [round(100 * end, 1) for end in found["wilson95"][0][1]] == wilson


def test_a_worked_arena_of_three_runs():
    lines = [
        *won(3, 1, 2),
        arena_line("m0", "m1", "q9", "error"),
        arena_line("m0", "m2", "q0", "unparsed"),
        arena_line("m1", "m2", "q0", "tie"),
    ]
    found = matrices(lines)
    assert found["n"] == [[None, 6, 0], [6, None, 1], [0, 1, None]]
    assert found["wins"] == [[None, 3, 0], [1, None, 0], [0, 0, None]]
    assert found["ties"] == [[None, 2, 0], [2, None, 1], [0, 1, None]]
    assert found["failed"] == [[None, 1, 1], [1, None, 0], [1, 0, None]]
    assert found["win_rate"] == [[None, 4 / 6, None], [2 / 6, None, 0.5], [None, 0.5, None]]
    assert found["wilson95"][0] == [
        None,
        pytest.approx(list(proportion_confint(4, 6, method="wilson"))),
        None,
    ]
    # 3 of 4 decided: two-sided 2 x 5/16; nothing decided: 1
    assert found["p"] == [[None, 0.625, None], [0.625, None, 1.0], [None, 1.0, None]]
    assert found["p_holm"] == [[None, 1.0, None], [1.0, None, 1.0], [None, 1.0, None]]


def test_opposite_cells_mirror_each_other():
    found = matrices(random_lines(3))
    for i in range(4):
        for j in range(i):
            assert found["win_rate"][i][j] == pytest.approx(1 - found["win_rate"][j][i])
            low, high = found["wilson95"][i][j]
            assert found["wilson95"][j][i] == pytest.approx([1 - high, 1 - low])
            assert found["p_holm"][i][j] == found["p_holm"][j][i]


@pytest.mark.parametrize("seed", range(3))
def test_p_values_are_scipys_and_holm_is_statsmodels_over_the_upper_triangle(seed):
    found = matrices(random_lines(seed, runs=5))
    upper = [(i, j) for i in range(5) for j in range(i + 1, 5)]
    wins = found["wins"]
    p = [binomtest(wins[i][j], wins[i][j] + wins[j][i], 0.5).pvalue for i, j in upper]
    assert [found["p"][i][j] for i, j in upper] == pytest.approx(p, rel=1e-10)
    holm = multipletests(p, method="holm")[1]
    assert [found["p_holm"][i][j] for i, j in upper] == pytest.approx(list(holm), rel=1e-10)


def test_the_exact_p_holds_for_every_small_count():
    for n in range(1, 40):
        for k in range(n + 1):
            found = matrices(won(k, n - k))["p"][0][1]
            assert found == pytest.approx(binomtest(k, n, 0.5).pvalue, rel=1e-10)


def test_units_of_one_prompt_are_tested_as_one():
    alone, three = [("x",), ("x", "y", "z")]
    assert not judged_again(units(random_lines(5, annotators=alone)))
    lines = random_lines(5, annotators=three)
    found = units(lines)
    assert judged_again(found)
    own = (found.first == 0) & (found.second == 2) & ~found.failed
    expected = sign_flip(found.value[own].astype(float), found.prompt[own], seed=0).p
    matrix = matrices(lines, by_prompt=True)
    assert matrix["p_prompts"][0][2] == matrix["p_prompts"][2][0] == expected
    upper = [matrix["p_prompts"][i][j] for i in range(4) for j in range(i + 1, 4)]
    corrected = [matrix["p_prompts_holm"][i][j] for i in range(4) for j in range(i + 1, 4)]
    assert corrected == pytest.approx(list(multipletests(upper, method="holm")[1]))


def test_ten_people_who_say_the_same_are_no_more_than_one():
    names = [f"p{number}" for number in range(10)]
    lines = [line for name in names for line in won(8, 2, annotator=name)]
    matrix = matrices(lines, by_prompt=True)
    assert matrix["p"][0][1] < 1e-6
    # exact flips of ten prompts: as the sign test of 8 of 10
    assert matrix["p_prompts"][0][1] == pytest.approx(binomtest(8, 10).pvalue)


def test_the_bootstrap_takes_whole_prompts_and_is_that_of_a_loop():
    found = units(random_lines(7, prompts=60, annotators=("x", "y")))
    counts = count_units(found)
    ends = win_ci95(resample(found, counts, seed=1), 4)
    rng = np.random.default_rng(5)
    own = found.where((found.first == 1) & (found.second == 3) & ~found.failed)
    scores = [(own.value[own.prompt == prompt] + 1) / 2 for prompt in range(60)]
    drawn = [
        np.concatenate([scores[prompt] for prompt in rng.integers(0, 60, 60)]).mean()
        for _ in range(4000)
    ]
    assert ends[1][3] == pytest.approx(list(np.percentile(drawn, [2.5, 97.5])), abs=0.015)
    assert ends[3][1] == pytest.approx([1 - ends[1][3][1], 1 - ends[1][3][0]])
    assert ends[0][0] is None


def test_one_prompt_has_no_bootstrap():
    found = units([arena_line("m0", "m1", "q", "a", annotator=name) for name in "xyz"])
    assert resample(found, count_units(found), seed=0) is None
    assert win_ci95(None, 2) == [[None, None], [None, None]]
