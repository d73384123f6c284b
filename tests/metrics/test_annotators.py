"""Agreement of an arena's annotators against scipy, the krippendorff package and hand counts."""

from __future__ import annotations

from itertools import combinations

import krippendorff
import numpy as np
import pytest
from arena_tables import arena_line, random_lines, ranked, units, won
from scipy.stats import kendalltau

from harness.metrics.annotators import agreement

RUNS = ("m0", "m1", "m2", "m3", "m4")


def graded(ranks, prompt_id, annotator):
    """Choices between every two runs by their ranks (1 is best), equal ranks being ties."""
    for a, b in combinations(range(len(ranks)), 2):
        outcome = "tie" if ranks[a] == ranks[b] else "a" if ranks[a] < ranks[b] else "b"
        yield arena_line(RUNS[a], RUNS[b], prompt_id, outcome, annotator=annotator)


def found(lines, seed=0):
    return agreement(units(lines), seed=seed)


@pytest.mark.parametrize("highest", [6, 3])
def test_tau_is_scipys_tau_b_of_the_rankings_with_and_without_ties(highest):
    rng = np.random.default_rng(highest)
    ranks = {(q, name): rng.integers(1, highest, 5) for q in range(12) for name in "xyz"}
    lines = [line for (q, name), own in ranks.items() for line in graded(own, f"q{q}", name)]
    taus = {
        pair: [kendalltau(ranks[q, pair[0]], ranks[q, pair[1]]).statistic for q in range(12)]
        for pair in combinations("xyz", 2)
    }
    every = np.array(list(taus.values()))
    said = ~np.isnan(every)  # an annotator for whom all are equal has no ranking
    numbers = found(lines)
    assert numbers["tau"] == pytest.approx(every[said].mean(), abs=1e-12)
    assert numbers["tau_n"] == said.sum()
    with_y = np.array(taus["x", "y"] + taus["y", "z"])
    assert numbers["annotators"]["y"] == {
        "n": 120,
        "tau": pytest.approx(with_y[~np.isnan(with_y)].mean(), abs=1e-12),
    }


def test_alpha_is_the_krippendorff_packages_over_pairs_of_runs_and_prompts():
    lines = random_lines(3, annotators=("x", "y", "z"))
    table = units(lines)
    item = table.first * 1000 + table.second * 100 + table.prompt
    _, column = np.unique(item, return_inverse=True)
    votes = np.full((3, column.max() + 1), np.nan)
    kept = ~table.failed
    votes[table.annotator[kept], column[kept]] = table.value[kept]
    expected = krippendorff.alpha(reliability_data=votes, level_of_measurement="nominal")
    assert found(lines)["alpha"] == pytest.approx(expected, abs=1e-12)


def test_agreement_counts_equal_choices_among_all_pairs_of_choices():
    lines = [
        *(arena_line("m0", "m1", "q1", "a", annotator=name) for name in "xyz"),  # 3 of 3
        *(arena_line("m0", "m1", "q2", outcome, annotator=name) for name, outcome in zip("xyz", ("a", "b", "a"), strict=True)),  # 1 of 3
        *(arena_line("m0", "m1", "q3", outcome, annotator=name) for name, outcome in zip("xy", ("tie", "tie"), strict=True)),  # 1 of 1
        arena_line("m0", "m1", "q4", "a", annotator="x"),
    ]  # fmt: skip
    numbers = found(lines)
    assert numbers["agreement"] == 5 / 7
    assert numbers["items"] == 3
    assert {name: row["n"] for name, row in numbers["annotators"].items()} == {
        "x": 4,
        "y": 3,
        "z": 2,
    }


def test_the_same_rankings_agree_fully_and_opposite_ones_not_at_all():
    same = [
        line
        for q in range(5)
        for name in "xy"
        for line in ranked(RUNS, f"q{q}", (2, 0, 1, 4, 3), annotator=name)
    ]
    numbers = found(same)
    assert (numbers["tau"], numbers["agreement"], numbers["alpha"]) == (1.0, 1.0, 1.0)
    turned = [
        line
        for q in range(5)
        for name, order in (("x", (0, 1, 2, 3, 4)), ("y", (4, 3, 2, 1, 0)))
        for line in ranked(RUNS, f"q{q}", order, annotator=name)
    ]
    numbers = found(turned)
    assert (numbers["tau"], numbers["agreement"]) == (-1.0, 0.0) and numbers["alpha"] < 0


def test_intervals_take_whole_prompts():
    rng = np.random.default_rng(1)
    ranks = {(q, name): rng.permutation(5) for q in range(40) for name in "xy"}
    lines = [line for (q, name), own in ranks.items() for line in graded(own, f"q{q}", name)]
    taus = np.array([kendalltau(ranks[q, "x"], ranks[q, "y"]).statistic for q in range(40)])
    drawn = rng.choice(taus, (4000, 40)).mean(axis=1)
    numbers = found(lines)
    assert numbers["tau_ci95"] == pytest.approx(list(np.percentile(drawn, [2.5, 97.5])), abs=0.03)
    low, high = numbers["alpha_ci95"]
    assert low < numbers["alpha"] < high


@pytest.mark.parametrize(
    "lines",
    [
        list(won(3, 2)),
        [*won(3, 2, annotator="x"), arena_line("m0", "m1", "other", "a", annotator="y")],
        [arena_line("m0", "m1", "q", "error", annotator=name) for name in "xy"],
        [],
    ],
    ids=["one annotator", "nothing in common", "failed", "nothing"],
)
def test_agreement_is_null_where_no_two_judged_the_same_thing(lines):
    numbers = found(lines)
    people = numbers.pop("annotators")
    assert all(row["tau"] is None for row in people.values())
    assert numbers == {
        "alpha": None,
        "alpha_ci95": None,
        "agreement": None,
        "items": 0,
        "tau": None,
        "tau_n": 0,
        "tau_ci95": None,
    }
