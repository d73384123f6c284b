"""Texts by genre, tag and length."""

from __future__ import annotations

import pytest
from wrote import measured, written

from harness.reports.overall import Entry
from harness.reports.writing_bands import banded, follows_length
from harness.reports.writing_groups import printed_writing_groups, writing_group_table


def entry(texts, name="m"):
    return Entry(name, f"{name}-1", written(texts, model=name), measures=lambda: texts)


@pytest.mark.parametrize(
    ("words", "band"),
    [
        (0, "under 100"),
        (99, "under 100"),
        (100, "100 to 199"),
        (199, "100 to 199"),
        (1599, "800 to 1,599"),
        (1600, "1,600 to 3,199"),
        (3200, "3,200 and more"),
    ],
)
def test_bands_of_length_are_cut_where_they_say(words, band):
    assert list(banded(measured({"words": words}))) == [band]


def test_a_band_has_means_over_what_is_defined():
    texts = measured(
        {"words": 50, "ttr": 0.5}, {"words": 70, "ttr": 0.9}, {"words": 0, "ttr": None}
    )
    row = banded(texts)["under 100"]
    assert (row["n"], row["words"], row["ttr"], row["tokens"]) == (3, 40.0, 0.7, None)


def test_bands_stand_from_short_to_long():
    table = writing_group_table([entry(measured({"words": 900}, {"words": 9}))], "length")
    assert table.values("group") == ["under 100", "800 to 1,599"]


def test_how_a_measure_follows_length_is_a_rank_correlation():
    texts = measured(
        {"words": 10, "ttr": 0.9, "mtld": 1.0},
        {"words": 20, "ttr": 0.8, "mtld": 3.0},
        {"words": 30, "ttr": 0.1, "mtld": 2.0},
    )
    table = follows_length([entry(texts)])
    # of three ranks, one swap of neighbours: 1 - 6 * 2 / (3 * 8) = 0.5; a constant has none
    assert table.values("ttr") == [pytest.approx(-1)]
    assert table.values("mtld") == [pytest.approx(0.5)]
    assert table.values("mattr50") == [None] and table.values("distinct2") == [None]


def test_other_comes_last_and_several_runs_stand_under_a_genre():
    texts = measured({"genre": "Other"}, {"genre": "Poetry"})
    tables = printed_writing_groups([entry(texts, "A"), entry(texts, "B")], "genre")
    names = [row[0] for row in tables[0].rows]
    assert names == ["Poetry", "- A", "- B", "Other", "- A", "- B"]


def test_a_genre_with_a_text_missing_says_so_beside_its_numbers():
    table = printed_writing_groups([Entry("m", "m-1", written(measured({}), missing=1))], "genre")[
        -1
    ]
    assert table.title.startswith("demo_writing_en by genre, what went wrong")
    assert (table.columns[0].head, table.values("errors")) == ("genre", [1])


def test_tags_have_lengths_beside_ttr_and_no_empty_columns():
    (table,) = printed_writing_groups([entry(measured({"tag": "x"}, {"tag": "y"}))], "tag")
    assert [column.key for column in table.columns] == ["group", "n", "chars", "words", "ttr"]
