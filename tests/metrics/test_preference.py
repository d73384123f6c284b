"""The keys of results.json: all there, plain JSON, and unmoved by what must not matter."""

from __future__ import annotations

import json
import random

import numpy as np
import pytest
from metric_tables import pair_line, random_run, tables, verdict_line
from statsmodels.stats.proportion import proportion_confint

from harness.errors import DataError, UsageError
from harness.metrics.preference import METRICS, grouped, preference_results
from harness.metrics.table import pair_table, verdict_table

CONTRACT = {
    "accuracy",
    "accuracy_half",
    "accuracy_both",
    "accuracy_valid",
    "wilson95",
    "ci95",
    "macro_accuracy",
    "genre_std",
    "genre_std_noise",
    "genre_heterogeneity_p",
    "ties",
    "unparsed",
    "errors",
    "truncated",
    "coverage",
    "bounds",
    "consistency",
    "first_pick_rate",
    "longer_accuracy",
    "longer_agreement",
    "accuracy_longer_chosen",
    "accuracy_shorter_chosen",
    "length_balanced_accuracy",
}
ALL = list(METRICS)


def results(pair_lines, verdict_lines, **options):
    pairs = pair_table(pair_lines)
    verdicts = verdict_table(pairs, verdict_lines)
    return preference_results(pairs, verdicts, metrics=ALL, seed=0, **options)


def test_all_metrics_together_give_every_key_of_the_contract():
    assert set(results(*random_run(0))["metrics"]) >= CONTRACT


@pytest.mark.parametrize("name", ALL)
def test_a_metric_has_a_definition_and_gives_plain_json_for_any_run(name):
    assert len(METRICS[name].__doc__) > 80
    for run in (random_run(1), ([], []), ([pair_line(0)], [verdict_line("p0", "error")])):
        pairs = pair_table(run[0])
        numbers = METRICS[name](pairs, verdict_table(pairs, run[1]), 0)
        assert json.loads(json.dumps(numbers, allow_nan=False)) == numbers


def test_every_key_comes_from_one_metric_only():
    run = tables(["chosen"])
    keys = [key for metric in METRICS.values() for key in metric(*run, 0)]
    assert len(keys) == len(set(keys))


def test_only_the_metrics_asked_for_are_there():
    pairs, verdicts = tables(["chosen", "rejected"])
    found = preference_results(pairs, verdicts, metrics=["order"], seed=0)
    assert set(found["metrics"]) == {"consistency", "first_pick_rate"}


def test_an_unknown_metric_is_wrong_use_and_names_the_nearest():
    with pytest.raises(UsageError, match="did you mean 'accuracy'"):
        preference_results(*tables(["chosen"]), metrics=["acuracy"], seed=0)


def test_a_genre_row_holds_what_a_reader_needs():
    run = tables(
        [("chosen", "chosen"), ("chosen", "tie"), ("unparsed", "error"), ("chosen", "chosen")],
        genre=["A", "A", "A", "B"],
        cluster=[0, 0, 1, 2],
    )
    rows = preference_results(*run, metrics=ALL, seed=0)["genres"]
    assert list(rows) == ["A", "B"]
    assert rows["A"] == {
        "n": 3,
        "clusters": 2,
        "accuracy": 0.5,
        "accuracy_half": pytest.approx(1.75 / 3),
        "wilson95": pytest.approx(proportion_confint(1.5, 3, method="wilson")),
        "ci95": None,
        "ties": 1,
        "unparsed": 1,
        "errors": 1,
        "underpowered": True,
    }


def test_a_tag_row_is_shorter():
    run = tables(["chosen", "tie"], tag=["b", "a"])
    rows = preference_results(*run, metrics=ALL, seed=0)["tags"]
    assert list(rows) == ["a", "b"]
    assert set(rows["a"]) == {"n", "clusters", "accuracy", "wilson95", "ties"}
    assert rows["a"]["ties"] == 1 and rows["b"]["accuracy"] == 1.0


def test_a_genre_has_a_bootstrap_interval_from_10_clusters_on():
    names = ["A"] * 10 + ["B"] * 9
    rows = preference_results(
        *tables(["chosen", "tie"] * 9 + ["chosen"], genre=names), metrics=[], seed=0
    )
    assert rows["genres"]["A"]["ci95"] is not None and rows["genres"]["B"]["ci95"] is None


@pytest.mark.parametrize(("n", "flag"), [(92, True), (93, False)])
def test_a_row_is_underpowered_when_half_its_wilson_interval_is_over_10_points(n, flag):
    low, high = proportion_confint(n / 2, n, method="wilson")
    assert ((high - low) / 2 > 0.10) == flag
    run = tables([("chosen", "rejected")] * n)
    assert preference_results(*run, metrics=[], seed=0)["genres"]["Fiction"]["underpowered"] == flag


def test_the_order_of_verdict_lines_does_not_matter():
    pair_lines, verdict_lines = random_run(2)
    shuffled = verdict_lines[:]
    random.Random(0).shuffle(shuffled)
    assert results(pair_lines, shuffled) == results(pair_lines, verdict_lines)


def close(found, expected):
    """Equal numbers up to the rounding of sums taken in another order."""
    if isinstance(expected, dict):
        return found.keys() == expected.keys() and all(
            close(found[k], expected[k]) for k in expected
        )
    return found == pytest.approx(expected, abs=1e-12)


def test_the_order_of_pairs_does_not_matter():
    pair_lines, verdict_lines = random_run(3)
    assert close(results(pair_lines[::-1], verdict_lines), results(pair_lines, verdict_lines))


def test_the_numbering_of_clusters_does_not_matter():
    pair_lines, verdict_lines = random_run(4)
    turned = []
    for line in pair_lines:
        record = json.loads(line)
        turned.append(json.dumps(record | {"cluster": 7 * (99 - record["cluster"])}).encode())
    assert close(results(turned, verdict_lines), results(pair_lines, verdict_lines))


def test_the_same_seed_gives_the_same_numbers():
    assert results(*random_run(5)) == results(*random_run(5))


def test_a_pair_without_a_verdict_is_refused_and_left_out_only_when_told():
    pair_lines = [pair_line(0), pair_line(1), pair_line(2, genre="Poetry", cluster=0)]
    verdict_lines = [verdict_line("p0", "chosen"), verdict_line("p2", "rejected")]
    with pytest.raises(DataError, match="'p1' has 0 of 1 verdicts"):
        results(pair_lines, verdict_lines)
    found = results(pair_lines, verdict_lines, partial=True)
    assert found["metrics"]["accuracy"] == 0.5 and found["metrics"]["longer_accuracy"] == 1.0
    assert {name: row["n"] for name, row in found["genres"].items()} == {"Fiction": 1, "Poetry": 1}


def test_a_verdict_left_out_of_one_order_is_refused():
    pair_lines = [pair_line(0), pair_line(1)]
    verdict_lines = [
        verdict_line("p0", "chosen", "chosen_first"),
        verdict_line("p0", "chosen", "rejected_first"),
        verdict_line("p1", "chosen", "chosen_first"),
    ]
    with pytest.raises(DataError, match="'p1' has 1 of 2 verdicts"):
        results(pair_lines, verdict_lines)


def test_no_pairs_give_empty_tables():
    found = results([], [])
    assert found["genres"] == {} and found["tags"] == {}
    assert found["metrics"]["accuracy"] is None


def test_pairs_are_grouped_by_any_code_and_minus_one_is_left_out():
    pairs, verdicts = tables(["chosen", "tie", "rejected", "chosen"], cluster=[0, 0, 1, 1])
    rows = grouped(pairs, verdicts, np.array([2, -1, 2, 0]), ("low", "none", "high"))
    assert list(rows) == ["low", "high"]
    assert rows["high"]["n"] == 2 and rows["high"]["clusters"] == 2
    assert rows["high"]["accuracy"] == 0.5 and rows["high"]["ties"] == 0


def test_grouping_by_genre_is_the_genre_table():
    pair_lines, verdict_lines = random_run(6)
    pairs = pair_table(pair_lines)
    verdicts = verdict_table(pairs, verdict_lines)
    rows = grouped(pairs, verdicts, pairs.genre, pairs.genres, seed=0)
    assert rows == preference_results(pairs, verdicts, metrics=[], seed=0)["genres"]
    for code, name in enumerate(pairs.genres):
        own = np.flatnonzero(pairs.genre == code)
        assert rows[name]["n"] == own.size
        assert rows[name]["clusters"] == len({int(pairs.cluster[row]) for row in own})
