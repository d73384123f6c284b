"""Several answers to one prompt: their majority, and how far they differ."""

from __future__ import annotations

import random
import statistics
from itertools import combinations

import pytest
from metric_tables import ORDERS, pair_line, tables, verdict_line

from harness.metrics.accuracy import accuracy
from harness.metrics.repeats import majority_verdicts, repeats
from harness.metrics.table import OUTCOMES, pair_table, verdict_table

NAMES = {"c": "chosen", "r": "rejected", "t": "tie", "u": "unparsed", "e": "error"}


def repeated(*cells):
    """A pair an entry: its answers in either order, a letter a repeat, or in none ("ccr")."""
    pairs = pair_table(pair_line(i) for i in range(len(cells)))
    lines = []
    for i, cell in enumerate(cells):
        shown = [(None, cell)] if isinstance(cell, str) else zip(ORDERS, cell, strict=True)
        for order, letters in shown:
            lines += [
                verdict_line(f"p{i}", NAMES[letter], order, repeat=n)
                for n, letter in enumerate(letters)
            ]
    return pairs, verdict_table(pairs, lines)


def test_majority_agreement_and_spread_are_those_by_hand():
    found = repeats(*repeated(("ccr", "rrc"), ("ctu", "ccc")))
    # majorities: right and wrong; none and right
    assert found["majority_accuracy"] == 0.5
    # one of three pairs of answers is alike, one of three, none, all
    assert found["repeat_agreement"] == pytest.approx((1 / 3 + 1 / 3 + 0 + 1) / 4)
    # the three repeats alone are right in 3, 2 and 2 of 4
    assert found["repeat_std"] == pytest.approx(statistics.pstdev([0.75, 0.5, 0.5]))
    assert found["repeats"] == 3


def test_half_of_the_repeats_are_no_majority():
    assert repeats(*repeated("cr", "cc"))["majority_accuracy"] == 0.5


def test_three_of_four_are_one_and_two_of_five_are_none():
    assert repeats(*repeated("cccr"))["majority_accuracy"] == 1.0
    assert repeats(*repeated("ccrte"))["majority_accuracy"] == 0.0


@pytest.mark.parametrize("letters", ["ttc", "uuc", "eec"])
def test_a_majority_of_ties_or_failures_is_wrong(letters):
    assert repeats(*repeated(letters))["majority_accuracy"] == 0.0


def test_failures_alike_agree():
    assert repeats(*repeated("uu"))["repeat_agreement"] == 1.0
    assert repeats(*repeated("ue"))["repeat_agreement"] == 0.0


def test_one_repeat_says_only_that():
    expected = {"majority_accuracy": None, "repeat_agreement": None, "repeat_std": None}
    assert repeats(*tables([("chosen", "tie")])) == {"repeats": 1} | expected
    assert repeats(*tables([])) == {"repeats": None} | expected


def test_the_majority_is_one_verdict_for_each_pair_and_order():
    _, verdicts = repeated(("ccr", "rtu"), ("eec", "ttt"))
    found = majority_verdicts(verdicts)
    assert [OUTCOMES[code] for code in found.outcome] == ["chosen", "unparsed", "error", "tie"]
    assert found.pair.tolist() == [0, 0, 1, 1] and found.order.tolist() == [0, 1, 0, 1]


def test_without_repeats_the_majority_changes_nothing():
    pairs, verdicts = tables([("chosen", "tie"), ("error", "unparsed"), ("rejected", "chosen")])
    found = majority_verdicts(verdicts)
    assert found.outcome.tolist() == verdicts.outcome.tolist()
    assert accuracy(pairs, found) == accuracy(pairs, verdicts)


def test_a_missing_answer_is_no_vote_for_a_majority():
    pairs = pair_table([pair_line(0), pair_line(1)])
    lines = [verdict_line("p0", "chosen", repeat=n) for n in range(3)]
    lines.append(verdict_line("p1", "chosen"))
    found = majority_verdicts(verdict_table(pairs, lines))
    assert [OUTCOMES[code] for code in found.outcome] == ["chosen", "unparsed"]


@pytest.mark.parametrize("seed", range(5))
def test_the_numbers_are_those_of_plain_loops(seed):
    rng = random.Random(seed)
    n = rng.choice([2, 3, 5])
    cells = [
        tuple("".join(rng.choices("crtue", [5, 3, 1, 1, 1], k=n)) for _ in ORDERS)
        for _ in range(20)
    ]
    found = repeats(*repeated(*cells))
    flat = [letters for pair in cells for letters in pair]
    right = [letters.count("c") > n / 2 for letters in flat]
    alike = [statistics.mean(a == b for a, b in combinations(letters, 2)) for letters in flat]
    alone = [statistics.mean(letters[k] == "c" for letters in flat) for k in range(n)]
    assert found["majority_accuracy"] == pytest.approx(statistics.mean(right))
    assert found["repeat_agreement"] == pytest.approx(statistics.mean(alike))
    assert found["repeat_std"] == pytest.approx(statistics.pstdev(alone))
