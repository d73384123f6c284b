"""A panel: who votes where, what a majority is, what a quorum asks."""

from __future__ import annotations

import random
from collections import Counter

import numpy as np
import pytest
from metric_tables import ORDERS, pair_line, tables, verdict_line

from harness.errors import DataError
from harness.metrics.panel import ballot, counted, overlap, panel_verdicts
from harness.metrics.table import OUTCOMES, pair_table, verdict_table

NAMES = "ABCDE"


def run(*outcomes):
    """The verdicts of a run: "chosen" without an order, ("chosen", "tie") in either."""
    return tables(outcomes)[1]


def said(table):
    return [OUTCOMES[code] for code in table.outcome]


def panel(*runs, quorum=2):
    return said(panel_verdicts(ballot(runs, NAMES), quorum=quorum))


@pytest.mark.parametrize(
    ("votes", "outcome"),
    [
        (["chosen", "chosen", "rejected"], "chosen"),
        (["rejected", "rejected", "chosen"], "rejected"),
        (["tie", "tie", "chosen"], "tie"),
        (["chosen", "rejected", "tie"], "tie"),
        (["chosen", "chosen", "error"], "chosen"),
        (["chosen", "rejected", "error"], "tie"),
        (["chosen", "error", "unparsed"], "unparsed"),
        (["error", "error", "error"], "unparsed"),
        (["chosen", "chosen", "rejected", "rejected"], "tie"),
        (["chosen", "chosen", "rejected", "tie"], "tie"),
        (["chosen", "chosen", "rejected", "error"], "chosen"),
    ],
)
def test_more_than_half_of_the_valid_votes_decide(votes, outcome):
    assert panel(*(run(vote) for vote in votes)) == [outcome]


@pytest.mark.parametrize(("quorum", "outcome"), [(1, "chosen"), (2, "chosen"), (3, "unparsed")])
def test_fewer_valid_votes_than_the_quorum_are_no_verdict(quorum, outcome):
    assert panel(run("chosen"), run("chosen"), run("error"), quorum=quorum) == [outcome]


def test_a_run_without_orders_votes_in_both():
    shown = run(("chosen", "rejected"), ("rejected", "rejected"))
    scored = run("chosen", "rejected")
    found = panel_verdicts(ballot([scored, shown, scored], NAMES), quorum=2)
    assert found.pair.tolist() == [0, 0, 1, 1] and found.order.tolist() == [0, 1, 0, 1]
    assert said(found) == ["chosen", "chosen", "rejected", "rejected"]


def test_runs_without_orders_alone_have_a_cell_a_pair():
    found = panel_verdicts(ballot([run("chosen", "tie")] * 2, NAMES), quorum=2)
    assert found.order.tolist() == [-1, -1] and said(found) == ["chosen", "tie"]


def test_a_run_votes_by_the_majority_of_its_repeats():
    pairs = pair_table([pair_line(0)])
    answers = [
        verdict_line("p0", name, repeat=n) for n, name in enumerate(["tie", "chosen", "tie"])
    ]
    split = [
        verdict_line("p0", name, repeat=n) for n, name in enumerate(["tie", "chosen", "error"])
    ]
    runs = [verdict_table(pairs, answers), verdict_table(pairs, split), run("tie")]
    assert ballot(runs, NAMES).votes.tolist() == [[2, 3, 2]]
    assert panel(*runs) == ["tie"]


def test_runs_that_were_shown_different_orders_are_refused_by_name():
    pairs = pair_table([pair_line(0)])
    one = verdict_table(pairs, [verdict_line("p0", "chosen", ORDERS[0])])
    other = verdict_table(pairs, [verdict_line("p0", "chosen", ORDERS[1])])
    with pytest.raises(DataError, match=r"A and C did not judge .*same --orders and --seed"):
        ballot([one, run("chosen"), other], NAMES)


def test_a_run_that_left_pairs_out_is_refused():
    with pytest.raises(DataError, match="A and B did not judge"):
        ballot([run("chosen", "chosen"), run("chosen")], NAMES)


def test_the_order_of_the_runs_does_not_matter():
    runs = [
        run("chosen", "tie", "error"),
        run("tie", "tie", "chosen"),
        run("chosen", "error", "tie"),
    ]
    assert panel(*runs) == panel(*runs[::-1])


def test_a_panel_of_one_run_twice_is_that_run():
    outcomes = [("chosen", "tie"), ("rejected", "chosen"), ("unparsed", "tie")]
    assert panel(run(*outcomes), run(*outcomes)) == [name for pair in outcomes for name in pair]


def test_truncation_of_any_judge_is_kept():
    pairs = pair_table([pair_line(0)])
    cut = verdict_table(pairs, [verdict_line("p0", "chosen", truncated=True)])
    assert panel_verdicts(ballot([run("chosen"), cut], NAMES), quorum=2).truncated.tolist() == [
        True
    ]


def test_what_judges_have_in_common_is_that_by_hand():
    runs = [
        run("chosen", "chosen", "rejected", "error"),
        run("chosen", "rejected", "rejected", "error"),
        run("chosen", "rejected", "tie", "chosen"),
    ]
    votes = ballot(runs, NAMES)
    found = overlap(votes, panel_verdicts(votes, quorum=2))
    # the panel: chosen, rejected, rejected, no quorum
    assert found.unanimous == 0.25 and found.all_right == 0.25
    assert found.none_right == 0.25
    assert found.with_panel == (0.5, 0.75, 0.5)


@pytest.mark.parametrize("seed", range(4))
def test_the_panel_is_that_of_plain_loops(seed):
    rng = random.Random(seed)
    pick = lambda: rng.choices(OUTCOMES, [5, 4, 2, 1, 1])[0]  # noqa: E731
    judges, n = rng.choice([2, 3, 4, 5]), 40
    quorum = judges // 2 + 1
    shown = [[(pick(), pick()) for _ in range(n)] for _ in range(judges)]
    found = panel(*(run(*outcomes) for outcomes in shown), quorum=quorum)
    for pair in range(n):
        for order in range(2):
            valid = [v for v in (judge[pair][order] for judge in shown) if v in OUTCOMES[:3]]
            (top, times), *_ = [*Counter(valid).most_common(), ("", 0)]
            expected = top if times > len(valid) / 2 else "tie"
            expected = "unparsed" if len(valid) < quorum else expected
            assert found[2 * pair + order] == expected


def test_votes_are_counted_by_cell():
    assert counted(np.array([[0, 0, 2], [3, 1, 4]])).tolist() == [[2, 0, 1], [0, 1, 0]]
