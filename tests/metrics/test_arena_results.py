"""results.json of an arena: the published tables rebuilt, parts, and what JSON may hold."""

from __future__ import annotations

import json
from itertools import combinations, permutations

import numpy as np
import pytest
from arena_tables import arena_line, random_lines, ranked, won
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.stats import binomtest
from statsmodels.stats.proportion import proportion_confint

from harness.metrics.arena import read_arena
from harness.metrics.arena_results import arena_results

# arXiv 2510.14763, table 2: row beats column in per cent, above the diagonal; the models are
# CW, CW+1k, CW+5k, CW+10k and G, named here so that they sort in that order
RUNS = ("0 CW", "1 CW+1k", "2 CW+5k", "3 CW+10k", "4 G")
PUBLISHED = {
    "zh": (204, [39.22, 32.35, 25.98, 35.78, 39.71, 32.35, 42.16, 41.67, 50.00, 62.75]),
    "en": (353, [38.53, 27.20, 24.08, 23.51, 35.41, 32.29, 30.03, 49.29, 42.21, 46.46]),
}
PAIRS = list(combinations(range(5), 2))


def rankings_of(n, percent):
    """n rankings of five models, best first, in which every two meet as published."""
    wins = [round(cell * n / 100) for cell in percent]
    assert [round(100 * k / n, 2) for k in wins] == percent
    orders = list(permutations(range(5)))
    rows = [[order.index(i) < order.index(j) for order in orders] for i, j in PAIRS]
    total = np.array([*wins, n])
    table = np.array([*rows, [True] * len(orders)], float)
    found = milp(
        np.zeros(len(orders)),
        constraints=LinearConstraint(table, total, total),
        integrality=np.ones(len(orders)),
        bounds=Bounds(0, np.inf),
    )
    assert found.success
    times = np.round(found.x).astype(int)
    return [order for order, count in zip(orders, times, strict=True) for _ in range(count)]


def results(lines, seed=0):
    return arena_results(*read_arena(lines), seed=seed)


@pytest.fixture(scope="module")
def published():
    lines = [
        line
        for language, (n, percent) in PUBLISHED.items()
        for number, order in enumerate(rankings_of(n, percent))
        for line in ranked(RUNS, f"q{number}", order, language=language, annotator="people")
    ]
    return results(lines)


@pytest.mark.parametrize("language", PUBLISHED)
def test_rankings_with_the_published_counts_give_every_published_cell(published, language):
    n, percent = PUBLISHED[language]
    own = published["languages"][language]
    assert own["prompts"] == n and own["units"] == 10 * n and published["prompts"] == 557
    for (i, j), cell in zip(PAIRS, percent, strict=True):
        k = round(cell * n / 100)
        assert own["n"][i][j] == n and own["wins"][i][j] == k and own["wins"][j][i] == n - k
        assert round(100 * own["win_rate"][i][j], 2) == cell
        assert own["win_rate"][i][j] + own["win_rate"][j][i] == pytest.approx(1)
        assert own["p"][i][j] == pytest.approx(binomtest(k, n).pvalue, rel=1e-9)
        low, high = proportion_confint(k, n, method="wilson")
        assert own["wilson95"][i][j] == pytest.approx([low, high])
        assert own["wilson95"][j][i] == pytest.approx([1 - high, 1 - low])
        # prompts are what is drawn: with a unit each the bootstrap is close to the binomial
        assert own["win_ci95"][i][j] == pytest.approx([low, high], abs=0.012)


def test_the_published_contrasts_with_the_general_model(published):
    zh, en = published["languages"]["zh"], published["languages"]["en"]
    assert [round(100 * end, 1) for end in zh["wilson95"][3][4]] == [55.9, 69.1]
    assert zh["p"][3][4] == pytest.approx(3.3e-4, rel=0.02)
    assert [round(100 * end, 1) for end in en["wilson95"][3][4]] == [41.3, 51.7]
    assert en["p"][3][4] == pytest.approx(0.20, abs=0.005)
    assert zh["bradley_terry"]["3 CW+10k"]["rank"] == [1, 2]
    assert en["bradley_terry"]["3 CW+10k"]["rank"] == [1, 3]
    assert "p_prompts" not in zh and published["connected"]


def test_strengths_keep_the_order_of_the_published_win_rates(published):
    zh = published["languages"]["zh"]
    means = [np.mean([cell for cell in row if cell is not None]) for row in zh["win_rate"]]
    found = [row["strength"] for row in zh["bradley_terry"].values()]
    assert np.argsort(means).tolist() == np.argsort(found).tolist()


def test_several_annotators_bring_the_test_by_prompts():
    found = results(random_lines(2, annotators=("x", "y")))
    assert {"p_prompts", "p_prompts_holm"} < found.keys()
    assert {"p_prompts", "p_prompts_holm"} < found["languages"]["zh"].keys()


def test_one_language_is_the_whole():
    found = results(won(6, 3, 1))
    (own,) = found["languages"].values()
    assert own == {key: found[key] for key in own}
    assert found.keys() - own.keys() == {"runs", "order", "genres", "languages"}


def test_genres_are_counted_apart_and_flagged_where_they_say_little():
    lines = [*won(60, 40, genre="Big"), arena_line("m0", "m1", "x", "a", genre="Small")]
    lines += [arena_line("m0", "m1", "y", "error", genre="Empty")]
    genres = results(lines)["genres"]
    assert {name: row["n"][0][1] for name, row in genres.items()} == {
        "Big": 100,
        "Small": 1,
        "Empty": 0,
    }
    assert {name: row["underpowered"] for name, row in genres.items()} == {
        "Big": False,  # Wilson's half-width at 60 of 100 is 0.094
        "Small": True,
        "Empty": True,
    }  # fmt: skip
    assert genres["Empty"]["win_rate"] == [[None, None], [None, None]]
    assert genres["Empty"]["failed"] == [[None, 1], [1, None]]


@pytest.mark.parametrize(
    "lines",
    [
        random_lines(0),
        random_lines(1, prompts=1),
        random_lines(2, runs=6, prompts=3, annotators=("x", "y")),
        [arena_line("m0", "m1", "q", "error")],
        [arena_line("m0", "m1", "q", "error", annotator=name) for name in "xy"]
        + [arena_line("m0", "m1", "p", "a", annotator=name, language="zh") for name in "xy"],
        [],
    ],
    ids=["usual", "one prompt", "few prompts", "failed", "a failed language", "nothing"],
)
def test_results_are_plain_json_without_nan(lines):
    found = results(lines)
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_a_seed_gives_the_same_results_and_another_seed_others():
    lines = random_lines(3)
    assert results(lines) == results(lines[::-1])
    assert results(lines)["win_ci95"] != results(lines, seed=1)["win_ci95"]


def test_a_run_that_joins_leaves_the_others_counts_and_p_alone():
    lines = random_lines(6, runs=4)
    fewer = [line for line in lines if b'"m3"' not in line]
    before, after = results(fewer), results(lines)
    for name in ("n", "wins", "ties", "failed", "win_rate", "wilson95", "p"):
        assert before[name] == [row[:3] for row in after[name][:3]]
