"""Comparing runs over the same pairs."""

from __future__ import annotations

import math

import numpy as np
import pytest

from harness.errors import DataError
from harness.reports.compare_tables import (
    compare_tables,
    difference_table,
    run_table,
)
from harness.reports.comparison import compare_runs, smallest_difference
from harness.reports.conclusion import conclusion
from harness.stored import read_run


@pytest.fixture
def compare(tmp_path, make_run):
    """({label: outcomes}, rows) -> the comparison."""

    def run(outcomes, rows=None, **named):
        runs = [
            read_run(make_run(tmp_path / name, given, rows, model=name, **named))
            for name, given in outcomes.items()
        ]
        return compare_runs(runs, list(outcomes), seed=0)

    return run


def column(table, key):
    return table.values(key)


def test_six_clusters_one_way_give_the_p_of_six_coins(compare):
    found = compare({"A": "c" * 6, "B": "r" * 6})
    (test,) = found.tests.tests
    assert test.sign_flip.p == 2 / 2**6
    assert (test.mcnemar.first_only, test.mcnemar.second_only, test.mcnemar.p) == (6, 0, 2 / 2**6)
    assert conclusion(found) == "A is better than B by 100.0 points (p = 0.031)."


def test_the_winner_is_named_whichever_comes_first(compare):
    assert conclusion(compare({"A": "r" * 6, "B": "c" * 6})).startswith("B is better than A by")


def test_five_clusters_can_show_nothing_and_the_sentence_says_so(compare):
    said = conclusion(compare({"A": "c" * 5, "B": "r" * 5}))
    assert said.startswith("No difference can be told at 5 pairs (p = 0.062)")
    assert "needs 6" in said


def test_runs_that_agree_everywhere_have_nothing_to_test(compare):
    assert "no difference to test" in conclusion(compare({"A": "crc", "B": "crc"}))


def test_pairs_of_one_cluster_count_as_one(compare):
    rows = [{"cluster": 0}] * 6
    (test,) = compare({"A": "c" * 6, "B": "r" * 6}, rows).tests.tests
    assert test.sign_flip.p == 1.0
    assert test.mcnemar.p == 2 / 2**6


def test_mcnemar_is_left_out_for_runs_with_two_orders(compare):
    found = compare({"A": "c" * 6, "B": ["cr"] * 6})
    assert found.tests.tests[0].mcnemar is None
    assert not any("McNemar" in table.title for table in compare_tables(found, "t"))


def test_the_smallest_difference_is_the_normal_one_for_independent_pairs():
    difference = np.tile([1.0, -1.0], 50)
    error = math.sqrt(100 / 99) / 10
    found = smallest_difference(difference, np.arange(100), tests=1)
    assert found == pytest.approx((1.959964 + 0.841621) * error, abs=1e-6)


def test_several_runs_are_corrected_and_the_leader_named(compare):
    found = compare({"A": "c" * 12, "B": "r" * 12, "C": "r" * 11 + "c"})
    table = run_table(found)
    assert column(table, "model") == ["A", "C", "B"]
    assert column(table, "rank") == ["1", "2-3", "2-3"]
    assert column(table, "standing") == ["leads", "", ""]
    p = column(difference_table(found), "p")
    # A against B and A against C are 2 / 2**12 and 2 / 2**11, C against B is 1
    assert p == [2 / 2**12, 2 / 2**11, 1.0]
    assert column(difference_table(found), "p_holm") == [3 * p[0], 2 * p[1], 1.0]
    assert conclusion(found) == "A leads: it is better than every other run (Holm p < 0.05)."


def test_runs_tied_with_the_leader_are_named(compare):
    found = compare({"A": "c" * 12, "B": "r" + "c" * 11, "C": "r" * 12})
    assert conclusion(found) == "A has the highest accuracy; tied with it: B."


def test_two_runs_are_compared_on_each_genre_with_holm_over_genres(compare):
    rows = [{"genre": "Fiction"}] * 6 + [{"genre": "Poetry"}] * 6
    found = compare({"A": "c" * 12, "B": "r" * 6 + "c" * 6}, rows)
    first, second = found.genres
    assert (first.genre, first.n, first.difference) == ("Fiction", 6, 1.0)
    assert (first.p, first.p_holm) == (2 / 2**6, 4 / 2**6)
    assert (second.p, second.p_holm) == (1.0, 1.0)


def test_row_order_does_not_matter(tmp_path, make_run):
    rows = [{"pair_id": name, "genre": genre} for name, genre in zip("abcd", "xxyy", strict=True)]
    one = read_run(make_run(tmp_path / "A", "ccrr", rows))
    same = read_run(make_run(tmp_path / "B", "ccrr", rows))
    turned = read_run(make_run(tmp_path / "C", "rrcc", rows[::-1]))
    assert compare_runs([one, turned], "AB", seed=0) == compare_runs([one, same], "AB", seed=0)


def test_genres_of_two_maps_are_not_compared(tmp_path, make_run):
    one = read_run(make_run(tmp_path / "A", "cr", [{"genre": "Fiction"}] * 2))
    other = read_run(make_run(tmp_path / "B", "rc", [{"genre": "Tale"}] * 2))
    assert compare_runs([one, other], "AB", seed=0).genres == ()


@pytest.mark.parametrize(
    ("outcomes", "named", "what"),
    [
        ("cr", {"language": "zh"}, "language: A has en, B has zh"),
        ("cr", {"sha256": "b" * 64}, "data: A has f.json (sha256 aaaaaaaa)"),
        ("crc", {}, "pairs: A has 2, B has 3, 2 of them in both"),
    ],
)
def test_runs_over_other_pairs_are_refused_saying_what_differs(
    tmp_path, make_run, outcomes, named, what
):
    one = read_run(make_run(tmp_path / "A", "cr"))
    other = read_run(make_run(tmp_path / "B", outcomes, **named))
    with pytest.raises(DataError) as error:
        compare_runs([one, other], "AB", seed=0)
    assert what in str(error.value)
