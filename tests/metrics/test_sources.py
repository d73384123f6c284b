"""Self-preference: does a judge take texts of its own family more often than people do?"""

from __future__ import annotations

import json

import numpy as np
import pytest
from metric_tables import tables

from harness.metrics.sources import by_source, self_preference


def own(pairs, *names):
    return np.array([name in names for name in pairs.models], np.bool_)


def preference(outcomes, sides, seed=0, **columns):
    """Self-preference of a judge that is X, over pairs of (chosen, rejected) sources."""
    chosen, rejected = zip(*sides, strict=True)
    run = tables(outcomes, chosen_model=chosen, rejected_model=rejected, **columns)
    return self_preference(*run, own(run[0], "X", "X2"), seed)


def test_the_shares_are_those_by_hand():
    sides = [("X", "Y"), ("Y", "X"), ("Y", "X2"), ("X", "X2"), ("Y", "Z"), ("X", "Y")]
    found = preference(
        ["chosen", "rejected", "rejected", "chosen", "chosen", "tie"],
        sides,
        cluster=[0, 0, 1, 2, 3, 4],
    )
    assert found["models"] == ["X", "X2"]
    # two texts of the family, or none, say nothing; the tie is no pick, but a pair it got wrong
    assert (found["n"], found["clusters"]) == (4, 3)
    assert found["picked_by_people"] == pytest.approx(1 / 3)
    assert found["picked_by_model"] == 1.0
    assert found["favour"] == pytest.approx(2 / 3)
    assert found["balanced_favour"] == 0.5
    assert found["accuracy_own_chosen"] == 0.5
    assert found["accuracy_own_rejected"] == 0.0


def test_a_coin_favours_what_people_dislike_but_not_in_the_balance():
    sides = [("X", "Y")] * 16 + [("Y", "X")] * 48
    found = preference([("chosen", "rejected")] * 64, sides)
    assert found["favour"] == 0.25 and found["balanced_favour"] == 0.0
    assert found["ci95"][0] > 0 and found["balanced_ci95"] == [0.0, 0.0]


def test_a_judge_that_agrees_with_people_has_no_favour():
    found = preference(["chosen"] * 6, [("X", "Y")] * 2 + [("Y", "X")] * 4)
    assert found["favour"] == 0.0 and found["balanced_favour"] == 0.0


def test_both_orders_count_and_failures_do_not():
    found = preference([("chosen", "rejected"), ("error", "unparsed")], [("X", "Y"), ("Y", "X")])
    assert (found["n"], found["picked_by_people"], found["picked_by_model"]) == (2, 1.0, 0.5)
    assert found["favour"] == -0.5 and found["balanced_favour"] is None
    assert found["balanced_ci95"] is None


def test_null_where_no_pair_has_exactly_one_text_of_the_family():
    assert preference(["chosen"] * 2, [("X", "X2"), ("Y", None)]) is None


def test_an_unknown_source_is_not_of_the_family():
    found = preference(["chosen"], [(None, "X")])
    assert found["n"] == 1 and found["picked_by_people"] == 0.0 and found["ci95"] is None


def test_nothing_decided_gives_nulls_in_plain_json():
    found = preference(["tie", "error"], [("X", "Y"), ("Y", "X")])
    assert found["n"] == 2 and found["favour"] is None and found["picked_by_model"] is None
    assert json.loads(json.dumps(found, allow_nan=False)) == found


@pytest.mark.parametrize("seed", range(3))
def test_intervals_are_those_of_a_bootstrap_written_out(seed):
    rng = np.random.default_rng(seed)
    n = 200
    cluster = rng.integers(0, 60, n)
    sides = [("X", "Y") if turn else ("Y", "X") for turn in rng.random(n) < 0.4]
    outcomes = [str(o) for o in rng.choice(["chosen", "rejected", "tie"], n, p=[0.6, 0.3, 0.1])]
    found = preference(outcomes, sides, cluster=cluster.tolist())

    def favours(rows):
        kept = [
            (sides[row][0] == "X", outcomes[row] == "chosen")
            for row in rows
            if outcomes[row] != "tie"
        ]
        liked = np.array([people for people, _ in kept])
        picked = np.array([people == right for people, right in kept])
        balanced = (picked[liked].mean() + picked[~liked].mean() - 1) / 2
        return picked.mean() - liked.mean(), balanced

    assert (found["favour"], found["balanced_favour"]) == pytest.approx(favours(range(n)))
    names = np.unique(cluster)
    drawn = [
        favours(
            np.concatenate([np.flatnonzero(cluster == c) for c in rng.choice(names, names.size)])
        )
        for _ in range(1000)
    ]
    low, high = np.percentile(drawn, [2.5, 97.5], axis=0)
    assert found["ci95"] == pytest.approx([low[0], high[0]], abs=0.03)
    assert found["balanced_ci95"] == pytest.approx([low[1], high[1]], abs=0.03)


def test_favour_of_a_family_of_one_is_that_of_its_row_by_source():
    sides = [("X", "Y"), ("Y", "X"), ("Y", "X"), ("X", "Z"), (None, "X")]
    outcomes = [("chosen", "rejected"), ("tie", "chosen"), ("rejected", "rejected")] + [
        ("chosen",) * 2
    ] * 2
    chosen, rejected = zip(*sides, strict=True)
    run = tables(outcomes, chosen_model=chosen, rejected_model=rejected)
    row, found = by_source(*run)["X"], self_preference(*run, own(run[0], "X"), 0)
    for key in ("picked_by_people", "picked_by_model", "favour"):
        assert row[key] == pytest.approx(found[key])
