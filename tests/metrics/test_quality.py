"""Do diverse texts win? Worked cases, scipy's rank correlations, and real scores by brute force."""

from __future__ import annotations

import json
from itertools import combinations, islice

import numpy as np
import pytest
from arena_tables import arena_line, units
from scipy.stats import spearmanr

from harness.metrics.diversity import ttr
from harness.metrics.quality import (
    MEASURES,
    diversity_and_quality,
    scored_texts,
    within_ranks,
    won_texts,
)
from harness.metrics.tokens import tokenize
from harness.records import Measures


def text(prompt_id, score=None, *, repeat=0, chars=100, words=50, language="en", **measures):
    fields = dict.fromkeys(MEASURES) | {"chars": chars, "words": words} | measures
    return Measures(
        prompt_id=prompt_id, tag="story", genre="Fiction", language=language, repeat=repeat,
        text_id="x", types=1, tokens=None, seq_rep8=None, nearest=0.0, written_in=language,
        wrong_language=False, empty=False, truncated=False, refusal=False, runaway=False,
        near_duplicate=False, score=score, **fields,
    )  # fmt: skip


def random_texts(seed, prompts=20, most=8):
    rng = np.random.default_rng(seed)
    return [
        text(
            f"q{prompt}",
            float(rng.integers(0, 4)) if rng.random() < 0.9 else None,
            chars=int(rng.integers(80, 160)),
            ttr=None if rng.random() < 0.1 else float(rng.integers(3, 8)) / 10,
            mtld=float(rng.random()),
        )
        for prompt in range(prompts)
        for _ in range(int(rng.integers(1, most)))
    ]


def by_prompt(rows):
    groups = {}
    for row in rows:
        if row.score is not None:
            groups.setdefault(row.prompt_id, []).append(row)
    return list(groups.values())


def brute_rate(rows, name, ratio=float("inf")):
    """Share of comparisons won by the text that measures higher, and their number."""
    won = []
    for group in by_prompt(rows):
        for one, other in combinations(group, 2):
            x, y = getattr(one, name), getattr(other, name)
            if None in (x, y) or x == y or one.score == other.score:
                continue
            if max(one.chars, other.chars) <= ratio * min(one.chars, other.chars):
                won.append((x > y) == (one.score > other.score))
    return float(np.mean(won)), len(won)


def brute_spearman(rows, name):
    """Spearman's rho of each prompt that has one."""
    found = []
    for group in by_prompt(rows):
        both = [row for row in group if getattr(row, name) is not None]
        x, y = [getattr(row, name) for row in both], [row.score for row in both]
        if len(both) >= 3 and len(set(x)) > 1 and len(set(y)) > 1:
            found.append(spearmanr(x, y).statistic)
    return found


def assert_as_by_brute_force(rows, names):
    measures = diversity_and_quality(scored_texts(rows), seed=0)["measures"]
    for name in names:
        own = measures[name]
        assert (own["higher_wins"], own["n"]) == pytest.approx(brute_rate(rows, name), abs=1e-12)
        matched = own["matched"]
        assert (matched["higher_wins"], matched["n"]) == pytest.approx(
            brute_rate(rows, name, 1.25), abs=1e-12
        )
        expected = brute_spearman(rows, name)
        assert own["spearman"] == pytest.approx(np.mean(expected), abs=1e-12)
        assert own["spearman_prompts"] == len(expected)


@pytest.mark.parametrize("seed", range(4))
def test_rates_and_correlations_are_those_of_loops_and_scipy(seed):
    assert_as_by_brute_force(random_texts(seed), ("ttr", "mtld", "chars"))


def test_real_texts_give_what_brute_force_gives(shared_data):
    rows = []
    with (shared_data / "wpb_pool_zh_dev.jsonl").open(encoding="utf-8") as lines:
        for row in map(json.loads, islice(lines, 250)):
            tokens = tokenize(row["response"], "zh")
            rows.append(
                text(
                    row["prompt_id"],
                    row["score"],
                    chars=len(row["response"]),
                    words=len(tokens),
                    ttr=ttr(tokens),
                )
            )
    assert_as_by_brute_force(rows, ("ttr", "words", "chars"))


def test_a_worked_prompt():
    rows = [
        text("q", 3, ttr=0.4, chars=100),
        text("q", 2, ttr=0.6, chars=125),
        text("q", 1, ttr=0.5, chars=126),
        text("q", 1, ttr=None, chars=100),
    ]
    found = diversity_and_quality(scored_texts(rows), seed=0)
    assert (found["texts"], found["prompts"], found["comparisons"]) == (4, 1, 5)
    own = found["measures"]["ttr"]
    # with a TTR on both sides: .4 over .6, .4 over .5, .6 over .5
    assert (own["higher_wins"], own["n"]) == (1 / 3, 3)
    # 126 over 100 is more than 1.25 times as long
    assert (own["matched"]["higher_wins"], own["matched"]["n"]) == (1 / 2, 2)
    # ranks 1 3 2 against 3 2 1
    assert own["spearman"] == pytest.approx(-0.5) and own["spearman_prompts"] == 1
    assert own["ci95"] is None and own["spearman_ci95"] is None


def test_texts_of_two_prompts_are_never_compared():
    rows = [text("q1", 3, ttr=0.9), text("q2", 1, ttr=0.1), text("q2", 1, ttr=0.2)]
    rows.append(text("q1", 0, ttr=0.1, language="zh"))
    found = diversity_and_quality(scored_texts(rows), seed=0)
    assert found["comparisons"] == 0 and found["prompts"] == 3
    assert found["measures"]["ttr"]["higher_wins"] is None


def test_the_interval_takes_whole_prompts():
    rows = random_texts(9, prompts=40)
    groups = by_prompt(rows)
    rng = np.random.default_rng(2)
    drawn = []
    for _ in range(800):
        sums = np.zeros(2)
        for place in rng.integers(0, len(groups), len(groups)):
            rate, n = _own_rate(groups[place])
            sums += rate * n, n
        drawn.append(sums[0] / sums[1])
    ends = diversity_and_quality(scored_texts(rows), seed=0)["measures"]["mtld"]["ci95"]
    assert ends == pytest.approx(list(np.percentile(drawn, [2.5, 97.5])), abs=0.03)


def _own_rate(group):
    rows = [row for row in group if row.score is not None]
    if len({row.score for row in rows}) < 2:
        return 0.0, 0
    return brute_rate(rows, "mtld")


def test_an_arena_gives_comparisons_and_a_quality():
    rows = {
        "m0": [text("q", ttr=0.9, chars=100)],
        "m1": [text("q", ttr=0.5, chars=100)],
        "m2": [text("q", repeat=0, ttr=0.2, chars=100), text("q", repeat=1, ttr=0.4, chars=300)],
    }
    lines = [
        arena_line("m0", "m1", "q", "b"),
        arena_line("m0", "m2", "q", "tie"),
        arena_line("m1", "m2", "q", "a"),
        arena_line("m0", "m1", "q", "error", annotator="x"),
        arena_line("m0", "m1", "other", "a"),  # nobody measured these
    ]
    texts = won_texts(units(lines), rows)
    assert texts.quality.tolist() == [0.25, 1.0, 0.25]
    assert texts.measures["ttr"].tolist() == pytest.approx([0.9, 0.5, 0.3])
    assert texts.chars.tolist() == [100, 100, 200]
    own = diversity_and_quality(texts, seed=0)["measures"]["ttr"]
    assert (own["higher_wins"], own["n"]) == (1 / 2, 2)
    assert own["spearman"] == pytest.approx(spearmanr([0.9, 0.5, 0.3], [0.25, 1, 0.25]).statistic)


def test_a_text_that_met_nobody_has_no_quality():
    rows = {"m0": [text("q")], "m1": [text("q")], "m2": [text("q", ttr=0.5)]}
    texts = won_texts(units([arena_line("m0", "m1", "q", "a")]), rows)
    assert np.isnan(texts.quality).tolist() == [False, False, True]


@pytest.mark.parametrize("seed", range(3))
def test_ranks_are_shared_by_equal_values_within_a_group(seed):
    from scipy.stats import rankdata

    rng = np.random.default_rng(seed)
    group, values = rng.integers(0, 5, 60), rng.integers(0, 4, 60).astype(float)
    found = within_ranks(values, group)
    for code in range(5):
        assert found[group == code].tolist() == rankdata(values[group == code]).tolist()


@pytest.mark.parametrize("rows", [[], [text("q", 1)], [text("q", None)] * 3])
def test_nothing_to_compare_is_null_and_plain_json(rows):
    found = diversity_and_quality(scored_texts(rows), seed=0)
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert {row["higher_wins"] for row in found["measures"].values()} == {None}
    assert {row["spearman"] for row in found["measures"].values()} == {None}
