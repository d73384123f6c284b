"""Break-downs by genre, length, score gap and source model."""

from __future__ import annotations

import pytest

from harness.reports.bands import BANDS
from harness.reports.groups import group_table, printed_groups
from harness.reports.overall import Entry
from harness.reports.sources import source_table
from harness.reports.text import TOO_SMALL


def band_of(by, table):
    return [BANDS[by].names[code] for code in BANDS[by].codes(table)]


@pytest.mark.parametrize(
    ("chosen", "rejected", "band"),
    [
        (49, 100, "much shorter (under 0.5)"),
        (50, 100, "shorter (0.5 to 0.8)"),
        (79, 100, "shorter (0.5 to 0.8)"),
        (80, 100, "similar (0.8 to 1.25)"),
        (125, 100, "similar (0.8 to 1.25)"),
        (126, 100, "longer (1.25 to 2)"),
        (200, 100, "longer (1.25 to 2)"),
        (201, 100, "much longer (over 2)"),
        (1, 0, "much longer (over 2)"),
        (0, 0, "similar (0.8 to 1.25)"),
    ],
)
def test_length_bands_are_cut_where_they_say(make_tables, chosen, rejected, band):
    pairs, _ = make_tables(["c"], [{"chosen_chars": chosen, "rejected_chars": rejected}])
    assert band_of("length", pairs) == [band]


@pytest.mark.parametrize(
    ("chosen", "rejected", "band"),
    [
        (1, 2, "below 0 (against the label)"),
        (0, 0, "0 (gold tie)"),
        (2.0, 1.67, "above 0, below 1"),
        (2.67, 1.67, "1 to below 2"),
        (3, 1, "2 to below 3"),
        (3, 0, "3 and more"),
        (None, 1, "unknown"),
    ],
)
def test_gap_bands_are_cut_where_they_say(make_tables, chosen, rejected, band):
    pairs, _ = make_tables(["c"], [{"chosen_score": chosen, "rejected_score": rejected}])
    assert band_of("gap", pairs) == [band]


def test_a_band_has_the_accuracy_of_its_pairs(make_tables, make_results):
    rows = [{"chosen_chars": 300}] * 3 + [{"chosen_chars": 30}]
    results = make_results("ccrt", rows)
    entry = Entry("m", "m-1", results, lambda: make_tables("ccrt", rows))
    table = group_table([entry], "length")
    assert table.values("group") == ["much shorter (under 0.5)", "much longer (over 2)"]
    assert table.values("n") == [1, 3]
    assert table.values("accuracy") == [0.0, pytest.approx(2 / 3)]


def test_a_genre_with_few_pairs_is_marked_in_words_and_explained(make_results):
    table = printed_groups([Entry("m", "m-1", make_results("ccr"))], "genre")
    assert table.values("underpowered") == [True]
    assert sum(TOO_SMALL in note for note in table.notes) == 1


def test_other_comes_after_the_named_genres(make_results):
    rows = [{"genre": "Other"}, {"genre": "Poetry"}, {"genre": "Fiction"}]
    table = group_table([Entry("m", "m-1", make_results("ccr", rows))], "genre")
    assert table.values("group") == ["Fiction", "Poetry", "Other"]


def test_several_runs_stand_under_each_group_once_named(make_results):
    rows = [{"genre": "Fiction"}, {"genre": "Poetry"}]
    both = [Entry(name, name, make_results("cr", rows)) for name in ("A", "B")]
    shown = printed_groups(both, "genre").rows
    assert [row[0] for row in shown] == ["Fiction", "- A", "- B", "Poetry", "- A", "- B"]


def sides(chosen, rejected):
    return {"chosen_model": chosen, "rejected_model": rejected}


def test_a_source_model_has_accuracy_as_chosen_as_rejected_and_as_either(make_tables, make_results):
    rows = [sides("X", "Y"), sides("X", "Y"), sides("Y", "X"), sides("X", "X"), sides(None, "Y")]
    outcomes = "crcrc"
    entry = Entry("m", "m-1", make_results(outcomes, rows), lambda: make_tables(outcomes, rows))
    table = source_table([entry])
    by_name = {
        row["group"]: row
        for row in (
            {c.key: v for c, v in zip(table.columns, values, strict=True)} for values in table.rows
        )
    }
    x = by_name["X"]
    assert (x["n_chosen"], x["accuracy_chosen"]) == (3, pytest.approx(1 / 3))
    assert (x["n_rejected"], x["accuracy_rejected"]) == (2, 0.5)
    # the pair of two X counts once: right in rows 1 and 3 of rows 1 to 4
    assert (x["n"], x["accuracy"]) == (4, 0.5)
    assert by_name["(unknown)"]["n"] == 1


def test_favour_is_the_share_picked_less_the_share_people_chose(make_tables, make_results):
    rows = [sides("X", "Y"), sides("Y", "X"), sides("Y", "X"), sides("X", "X"), sides("X", "Y")]
    outcomes = "crrct"
    entry = Entry("m", "m-1", make_results(outcomes, rows), lambda: make_tables(outcomes, rows))
    table = source_table([entry])
    assert table.values("group") == ["X", "Y"]
    # of the three decided pairs of two sources people took X once, the model thrice
    assert table.values("picked_by_people") == [pytest.approx(1 / 3), pytest.approx(2 / 3)]
    assert table.values("picked_by_model") == [1.0, 0.0]
    assert table.values("favour")[0] == pytest.approx(2 / 3)
