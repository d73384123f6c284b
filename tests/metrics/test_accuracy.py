"""Accuracies, failures and order effects, against values worked out by hand."""

from __future__ import annotations

import pytest
from metric_tables import pair_line, tables, verdict_line

from harness.errors import DataError
from harness.metrics.accuracy import accuracy, failures, order, pair_values
from harness.metrics.table import pair_table, verdict_table

ONE_EACH = ["chosen", "rejected", "tie", "unparsed", "error"]


def test_only_a_win_counts_and_a_tie_is_worth_half_in_accuracy_half():
    assert accuracy(*tables(ONE_EACH)) == {
        "accuracy": pytest.approx(1 / 5),
        "accuracy_half": pytest.approx(1.5 / 5),
        "accuracy_both": None,
        "accuracy_valid": pytest.approx(1 / 3),
    }


def test_a_pair_value_is_the_mean_over_orders_and_repeats():
    pairs = pair_table([pair_line(0), pair_line(1)])
    lines = [
        verdict_line("p0", outcome, name, repeat=repeat)
        for outcome, name, repeat in [
            ("chosen", "chosen_first", 0),
            ("chosen", "chosen_first", 1),
            ("chosen", "rejected_first", 0),
            ("tie", "rejected_first", 1),
        ]
    ]
    verdicts = verdict_table(pairs, [*lines, verdict_line("p1", "rejected", "chosen_first")])
    assert pair_values(pairs, verdicts).tolist() == [0.75, 0.0]
    assert pair_values(pairs, verdicts, tie=0.5).tolist() == [0.875, 0.0]


def test_accuracy_both_wants_every_order_right():
    run = tables(
        [("chosen", "chosen"), ("chosen", "rejected"), ("tie", "chosen"), ("error", "error")]
    )
    assert accuracy(*run)["accuracy_both"] == 0.25
    assert accuracy(*run)["accuracy"] == pytest.approx((1 + 0.5 + 0.5 + 0) / 4)


def test_failures_are_counted_by_verdict_and_bound_the_accuracy():
    assert failures(
        *tables([("chosen", "unparsed"), ("error", "rejected"), ("tie", "chosen")])
    ) == {
        "ties": 1,
        "unparsed": 1,
        "errors": 1,
        "truncated": 0,
        "coverage": pytest.approx(4 / 6),
        "bounds": [pytest.approx(1 / 3), pytest.approx((1 + 0.5 + 0.5) / 3)],
    }


def test_truncated_verdicts_are_counted_whatever_their_outcome():
    pairs = pair_table([pair_line(0), pair_line(1)])
    lines = [verdict_line("p0", "chosen", truncated=True), verdict_line("p1", "error")]
    assert failures(pairs, verdict_table(pairs, lines))["truncated"] == 1


def test_consistency_is_over_pairs_valid_in_both_orders():
    run = tables(
        [
            ("chosen", "chosen"),
            ("tie", "tie"),
            ("rejected", "rejected"),
            ("chosen", "rejected"),
            ("chosen", "unparsed"),
            ("error", "error"),
        ]
    )
    assert order(*run)["consistency"] == 0.75


def test_first_pick_rate_is_over_valid_verdicts_that_are_no_ties():
    run = tables(
        [
            ("chosen", "rejected"),  # the first text twice
            ("rejected", "chosen"),  # the second text twice
            ("chosen", "chosen"),  # once each
            ("tie", "rejected"),  # the first once
            ("unparsed", "error"),
        ]
    )
    assert order(*run)["first_pick_rate"] == pytest.approx(4 / 7)


def test_a_judge_that_always_takes_the_first_is_never_consistent():
    run = tables([("chosen", "rejected")] * 4)
    assert order(*run) == {"consistency": 0.0, "first_pick_rate": 1.0}
    assert accuracy(*run)["accuracy"] == 0.5


def test_with_one_order_nothing_is_said_about_order():
    pairs = pair_table([pair_line(0)])
    verdicts = verdict_table(pairs, [verdict_line("p0", "chosen", "chosen_first")])
    assert order(pairs, verdicts) == {"consistency": None, "first_pick_rate": None}
    assert accuracy(pairs, verdicts)["accuracy_both"] is None


def test_one_seeded_order_a_pair_gives_neither_first_pick_rate_nor_consistency():
    pairs = pair_table([pair_line(0), pair_line(1)])
    lines = [
        verdict_line("p0", "chosen", "chosen_first"),
        verdict_line("p1", "chosen", "rejected_first"),
    ]
    assert order(pairs, verdict_table(pairs, lines)) == {
        "consistency": None,
        "first_pick_rate": None,
    }


def test_repeats_are_held_against_each_other_one_by_one():
    pairs = pair_table([pair_line(0)])
    lines = [
        verdict_line("p0", "chosen", "chosen_first", repeat=0),
        verdict_line("p0", "rejected", "chosen_first", repeat=1),
        verdict_line("p0", "chosen", "rejected_first", repeat=0),
        verdict_line("p0", "chosen", "rejected_first", repeat=1),
    ]
    assert order(pairs, verdict_table(pairs, lines))["consistency"] == 0.5


def test_a_pair_without_a_verdict_has_no_value():
    pairs = pair_table([pair_line(0), pair_line(1), pair_line(2)])
    verdicts = verdict_table(pairs, [verdict_line("p0", "chosen")])
    with pytest.raises(DataError, match=r"2 of 3 pairs have no verdict .*'p1'"):
        pair_values(pairs, verdicts)


def test_of_no_pairs_every_share_is_null():
    run = tables([])
    assert set(accuracy(*run).values()) == {None}
    assert failures(*run) == {
        "ties": 0,
        "unparsed": 0,
        "errors": 0,
        "truncated": 0,
        "coverage": None,
        "bounds": None,
    }
