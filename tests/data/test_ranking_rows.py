"""Forced rankings as COIG-Writer's annotation tool exports them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from harness.data.judged import Choice, Judged
from harness.data.ranking_rows import read_rankings
from harness.errors import DataError

Row = dict[str, Any]


def ranking(
    number: int = 1, models: str = "ab", ranks: tuple[Any, ...] = (1, 2), **more: Any
) -> Row:
    """A record of the tool; each letter of `models` is one."""
    ranked = [
        {"rank": rank, "source_file": model, "my_response": "文"}
        for model, rank in zip(models, ranks, strict=True)
    ]
    head = {"sequence_number": number, "question_id": f"q{number}", "prompt": "写一首诗。"}
    return {**head, "ranked_responses": ranked, **more}


def read(rows: Any) -> Judged:
    return read_rankings(json.dumps(rows, ensure_ascii=False).encode(), "FILE")


def test_a_ranking_is_a_choice_between_every_two_models() -> None:
    ((place, one),) = read([ranking(3, "cab", (1, 2, 3))]).good
    assert (place, one.prompt_id) == ("row 1", "q3")
    assert one.choices == (Choice("c", "a", "a"), Choice("c", "b", "a"), Choice("a", "b", "a"))
    assert one.about.prompt == "写一首诗。"


def test_the_order_in_the_list_does_not_matter_and_equal_ranks_are_ties() -> None:
    ((_, one),) = read([ranking(1, "abc", (4, 2, 4))]).good
    assert one.choices == (Choice("a", "b", "b"), Choice("a", "c", "tie"), Choice("b", "c", "a"))


def test_five_models_are_ten_choices() -> None:
    ((_, one),) = read([ranking(1, "abcde", (5, 4, 3, 2, 1))]).good
    assert len(one.choices) == 10
    assert {choice.winner for choice in one.choices} == {"b"}


def test_a_list_and_jsonl_are_the_same() -> None:
    rows = [ranking(1), ranking(2)]
    lines = "\n".join(json.dumps(row, indent=None) for row in rows)
    assert read_rankings(lines.encode(), "FILE").good == read(rows).good
    one = json.dumps(ranking(1)).encode()
    assert len(read_rankings(one, "FILE").good) == 1


def test_what_a_record_says_of_itself_is_kept() -> None:
    row = ranking(annotator=4, tag="诗歌", genre="Poetry", language="zh")
    ((_, one),) = read([row]).good
    about = one.about
    assert (about.annotator, about.tag, about.genre, about.language) == (
        "4", "诗歌", "Poetry", "zh",
    )  # fmt: skip


def test_blank_fields_say_nothing() -> None:
    ((_, one),) = read([ranking(tag=" ", genre=None, language="", prompt="")]).good
    about = one.about
    assert (about.annotator, about.tag, about.genre, about.language, about.prompt) == (None,) * 5


def test_a_question_id_may_be_a_number_and_unknown_keys_are_counted() -> None:
    row = ranking(question_id=12, mood="x")
    row["ranked_responses"][0]["note"] = 1
    found = read([row])
    assert found.good[0][1].prompt_id == "12"
    assert found.extra == {"mood": 1, "ranked_responses.note": 1}


def changed(change: Callable[[Row], Any]) -> Row:
    row = ranking()
    change(row)
    return row


BAD = [
    (ranking(question_id=None), "field question_id: must be a string, not null"),
    (ranking(question_id=" "), "field question_id: empty"),
    (changed(lambda row: row.pop("question_id")), "field question_id: missing"),
    (changed(lambda row: row.pop("ranked_responses")), "field ranked_responses: missing"),
    (ranking(ranked_responses={}), "field ranked_responses: must be a list, not an object"),
    (ranking(ranked_responses=["a", "b"]), "field ranked_responses.1: must be an object"),
    (ranking(ranked_responses=[]), "field ranked_responses: 0 of at least 2 responses"),
    (ranking(1, "a", (1,)), "field ranked_responses: 1 of at least 2 responses"),
    (ranking(1, "aa"), "field ranked_responses.1.source_file: 'a' is ranked twice"),
    (ranking(1, "a "), "field ranked_responses.1.source_file: empty"),
    (ranking(1, "ab", (1, 0)), "field ranked_responses.1.rank: must be a whole number from 1 up"),
    (ranking(1, "ab", (1, 1.5)), "ranked_responses.1.rank: must be a whole number from 1 up, not 1.5"),
    (ranking(1, "ab", (1, "2")), "ranked_responses.1.rank: must be a whole number from 1 up, not '2'"),
    (ranking(1, "ab", (True, 2)), "ranked_responses.0.rank: must be a whole number from 1 up, not True"),
    (ranking(1, "ab", (None, 2)), "ranked_responses.0.rank: must be a whole number from 1 up, not null"),
    (
        changed(lambda row: row["ranked_responses"][1].pop("rank")),
        "field ranked_responses.1.rank: missing",
    ),
    (
        changed(lambda row: row["ranked_responses"][0].pop("source_file")),
        "field ranked_responses.0.source_file: missing",
    ),
    (ranking(language="fr"), "field language: must be 'zh' or 'en', not 'fr'"),
    (ranking(annotator=" "), "field annotator: empty"),
    (ranking(annotator=[]), "field annotator: must be a string, not a list"),
    (ranking(prompt=3), "field prompt: must be a string, not a number"),
    (3, "must be an object, not a number"),
]  # fmt: skip


@pytest.mark.parametrize(("row", "problem"), BAD)
def test_a_bad_record_is_named_with_its_field(row: Any, problem: str) -> None:
    found = read([ranking(7), row])
    assert len(found.good) == 1 and found.rows == 2
    ((place, problems),) = found.bad
    assert place == "row 2"
    assert any(problem in one for one in problems), problems


def test_a_key_that_stands_twice_is_bad() -> None:
    text = json.dumps([ranking()]).replace('"rank": 2', '"rank": 2, "rank": 1')
    ((_, problems),) = read_rankings(text.encode(), "FILE").bad
    assert problems == ["field ranked_responses.rank: stands there twice"]


def test_json_that_is_no_list_of_records_is_refused_whole() -> None:
    with pytest.raises(DataError, match="FILE: JSON, but not a list of rows: an object"):
        read({"q1": {"prompt": "x", "rankings": []}} | {"more": 1})
