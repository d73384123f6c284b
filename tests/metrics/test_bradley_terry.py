"""Bradley-Terry strengths against closed forms, statsmodels and scipy; rank ranges."""

from __future__ import annotations

import math

import numpy as np
import pytest
import statsmodels.api as sm
from arena_tables import arena_line, random_lines, units, won
from scipy.optimize import minimize

from harness.metrics.bradley_terry import bradley_terry, connected, strengths
from harness.metrics.wins import count_units, pair_tests, resample


def fitted(lines, *, by_prompt=False, seed=0):
    found = units(lines)
    counts = count_units(found)
    tests = pair_tests(found, counts, by_prompt=by_prompt, seed=seed)
    return bradley_terry(found.runs, counts, tests, resample(found, counts, seed=seed))


def by_glm(wins):
    """Strengths, mean 0, by logistic regression on the pairs of runs that met."""
    m = len(wins)
    rows = [(i, j) for i in range(m) for j in range(i + 1, m) if wins[i][j] + wins[j][i]]
    design = np.zeros((len(rows), m))
    for row, (i, j) in enumerate(rows):
        design[row, i], design[row, j] = 1, -1
    counts = np.array([[wins[i][j], wins[j][i]] for i, j in rows])
    fit = sm.GLM(counts, design[:, 1:], family=sm.families.Binomial()).fit(tol=1e-13, maxiter=200)
    found = np.concatenate([[0], fit.params])
    return found - found.mean()


def random_wins(seed, m, size=20):
    rng = np.random.default_rng(seed)
    wins = rng.integers(0, size, (m, m)) + 0.5
    np.fill_diagonal(wins, 0)
    return wins


def test_two_runs_are_half_the_log_odds_apart_with_half_a_win_of_prior():
    found = fitted(won(128, 76))
    assert found["m0"]["strength"] == pytest.approx(math.log(128.5 / 76.5) / 2, abs=1e-12)
    assert found["m1"]["strength"] == pytest.approx(-math.log(128.5 / 76.5) / 2, abs=1e-12)
    assert found["m0"]["expected"] == pytest.approx(128.5 / 205)


def test_a_tie_is_half_a_win_each():
    found = fitted(won(3, 1, 4))
    assert found["m0"]["strength"] == pytest.approx(math.log(5.5 / 3.5) / 2, abs=1e-12)


def test_a_chain_of_runs_adds_its_log_odds():
    lines = [*won(6, 2), *(arena_line("m1", "m2", f"q{i}", "b" if i else "a") for i in range(5))]
    found = fitted(lines)
    first, last = math.log(6.5 / 2.5), math.log(1.5 / 4.5)
    gaps = [
        found["m0"]["strength"] - found["m1"]["strength"],
        found["m1"]["strength"] - found["m2"]["strength"],
    ]
    assert gaps == pytest.approx([first, last], abs=1e-12)
    assert sum(row["strength"] for row in found.values()) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("m", [3, 5, 12])
def test_strengths_are_those_of_a_logistic_regression(seed, m):
    wins = random_wins(seed, m)
    assert strengths(wins[None])[0] == pytest.approx(by_glm(wins), abs=1e-8)


def test_strengths_maximise_the_likelihood_where_newton_alone_would_run_away():
    m = 8
    wins = np.where(np.arange(m)[:, None] < np.arange(m), 1e6, 0.5)
    wins[0, m - 1], wins[m - 1, 0] = 0.5, 1e6  # a circle: the last beats the first
    np.fill_diagonal(wins, 0)

    def loss(theta):
        return -(wins * -np.logaddexp(0, theta[None, :] - theta[:, None])).sum() / 1e6

    theta = strengths(wins[None])[0]
    best = minimize(loss, np.zeros(m), method="BFGS", options={"gtol": 1e-9})
    assert loss(theta) <= best.fun + 1e-12
    assert theta == pytest.approx(best.x - best.x.mean(), abs=1e-4)


def test_one_meeting_beside_a_million_others_settles():
    wins = np.array([[0, 7e5, 0], [3e5, 0, 1.5], [0, 0.5, 0]])
    found = strengths(wins[None])[0]
    assert found[0] - found[1] == pytest.approx(math.log(7 / 3), abs=1e-8)
    assert found[1] - found[2] == pytest.approx(math.log(3), abs=1e-8)


def test_many_tables_at_once_give_what_each_gives_alone():
    tables = np.stack([random_wins(seed, 6) for seed in range(50)])
    alone = np.concatenate([strengths(table[None]) for table in tables])
    assert strengths(tables) == pytest.approx(alone, abs=1e-10)


def test_a_run_that_won_everything_has_a_finite_strength():
    found = fitted(won(20, 0))
    assert found["m0"]["strength"] == pytest.approx(math.log(20.5 / 0.5) / 2)
    # every resample is 20 of 20
    assert found["m0"]["ci95"] == pytest.approx([found["m0"]["strength"]] * 2)


def test_runs_that_no_chain_links_have_no_strengths():
    lines = [*won(5, 1), *(arena_line("m2", "m3", f"q{i}", "a") for i in range(9))]
    found = fitted(lines)
    assert [row["strength"] for row in found.values()] == [None] * 4
    assert [row["ci95"] for row in found.values()] == [None] * 4
    # m2 is better than m3 all the same: 9 of 9, p = 0.004
    assert found["m2"]["rank"] == [1, 3] and found["m3"]["rank"] == [2, 4]


@pytest.mark.parametrize(
    ("links", "expected"),
    [([], False), ([(0, 1)], False), ([(0, 1), (1, 2)], True), ([(0, 2), (1, 2)], True)],
)
def test_connected_means_a_chain_to_every_run(links, expected):
    table = np.zeros((3, 3), bool)
    for i, j in links:
        table[i, j] = table[j, i] = True
    assert connected(table) is expected


def test_the_interval_is_that_of_a_bootstrap_of_prompts_written_out():
    lines = random_lines(4, runs=3, prompts=50, annotators=("x", "y"))
    found = units(lines)
    rng = np.random.default_rng(3)
    drawn = []
    for _ in range(600):
        wins = np.zeros((3, 3))
        for prompt in rng.integers(0, 50, 50):
            own = (found.prompt == prompt) & ~found.failed
            for a, b, value in zip(
                found.first[own], found.second[own], found.value[own], strict=True
            ):
                wins[a, b] += (value + 1) / 2
                wins[b, a] += (1 - value) / 2
        drawn.append(strengths((wins + 0.5 * (1 - np.eye(3)))[None])[0])
    ends = np.percentile(drawn, [2.5, 97.5], axis=0)
    for run, row in enumerate(fitted(lines).values()):
        assert row["ci95"] == pytest.approx(list(ends[:, run]), abs=0.08)


def test_ranks_reach_over_what_cannot_be_told_apart():
    # m0 beats both others clearly, which are even
    lines = [*won(30, 5)]
    lines += [arena_line("m0", "m2", f"q{i}", "a" if i < 30 else "b") for i in range(35)]
    lines += [arena_line("m1", "m2", f"q{i}", "a" if i % 2 else "b") for i in range(35)]
    ranks = {name: row["rank"] for name, row in fitted(lines).items()}
    assert ranks == {"m0": [1, 1], "m1": [2, 3], "m2": [2, 3]}


def test_ranks_take_prompts_where_several_people_judged_them():
    lines = [line for name in "uvwxyz" for line in won(7, 3, annotator=name)]
    assert fitted(lines)["m0"]["rank"] == [1, 1]  # 42 of 60 as if independent
    assert fitted(lines, by_prompt=True)["m0"]["rank"] == [1, 2]
