"""Pairwise choices in CSV."""

from __future__ import annotations

import pytest

from harness.data.choice_rows import read_choices
from harness.data.judged import Choice, Judged
from harness.errors import DataError


def read(text: str, encoding: str = "utf-8") -> Judged:
    return read_choices(text.encode(encoding), "FILE")


def choices(text: str) -> list[Choice]:
    found = read(text)
    assert not found.bad, found.bad
    return [choice for _, one in found.good for choice in one.choices]


@pytest.mark.parametrize(
    ("said", "winner"),
    [
        ("a", "a"), ("b", "b"), ("tie", "tie"), ("model_a", "a"), ("model_b", "b"), ("A", "a"),
        ("Tie", "tie"), ("tie (bothbad)", "tie"), ("gpt", "a"), ("Claude 4", "b"), (" b ", "b"),
    ],
)  # fmt: skip
def test_a_choice_is_a_side_a_tie_or_a_name(said: str, winner: str) -> None:
    text = f"prompt_id,model_a,model_b,choice\np1,gpt,Claude 4,{said}\n"
    assert [(one.model_a, one.model_b, one.winner) for one in choices(text)] == [
        ("gpt", "Claude 4", winner)
    ]


def test_a_name_as_it_is_written_goes_before_a_side_in_another_case() -> None:
    text = "prompt_id,model_a,model_b,choice\np1,B,A,A\np2,B,A,a\n"
    assert [one.winner for one in choices(text)] == ["b", "a"]


def test_other_names_of_columns_and_any_order_of_them_are_taken() -> None:
    text = "winner,question_id,model_b,model_a\nmodel_a,q1,y,x\n"
    assert choices(text) == [Choice("x", "y", "a")]
    assert read(text).good[0][1].prompt_id == "q1"


def test_of_two_names_of_a_column_the_first_is_read() -> None:
    found = read("question_id,prompt_id,model_a,model_b,choice,judge\nq,p,x,y,a,me\n")
    assert found.good[0][1].prompt_id == "p"
    assert found.extra == {"question_id": 1, "judge": 1}


def test_optional_columns_are_kept_and_blank_cells_say_nothing() -> None:
    head = "prompt_id,model_a,model_b,choice,annotator,tag,genre,language,prompt\n"
    found = read(head + 'p1,x,y,a,ann,诗歌,Poetry,zh,"写一首诗，\n两行。"\np2,x,y,b,, ,,,\n')
    (_, first), (_, second) = found.good
    about = first.about
    assert (about.annotator, about.tag, about.genre, about.language, about.prompt) == (
        "ann", "诗歌", "Poetry", "zh", "写一首诗，\n两行。",
    )  # fmt: skip
    assert second.about.annotator is second.about.tag is second.about.prompt is None


def test_a_spreadsheets_own_marks_do_no_harm() -> None:
    plain = "prompt_id,model_a,model_b,choice\np1,x,y,a\n"
    spread = plain.replace("\n", "\r\n") + "\r\n,,,\r\n"
    assert read(spread, "utf-8-sig").good[0][1] == read(plain).good[0][1]
    assert read(spread, "utf-8-sig").rows == 1


def test_a_place_names_row_and_line() -> None:
    found = read('prompt_id,model_a,model_b,choice\n"p\n1",x,y,a\n\np2,x,y,c\n')
    assert [place for place, _ in (*found.good, *found.bad)] == ["row 1 (line 3)", "row 2 (line 5)"]


BAD = [
    ("p1,x,y,c", "field choice: 'c': must be a, b, tie, model_a, model_b, 'x' or 'y'"),
    ("p1,x,y,", "field choice: missing"),
    (",x,y,a", "field prompt_id: missing"),
    ("p1,,y,a", "field model_a: missing"),
    ("p1,x, ,a", "field model_b: missing"),
    ("p1,x,x,a", "field model_b: 'x' is model_a, too"),
    ("p1,b,x,b", "field choice: 'b': can be read in two ways"),
    ("p1,x,y", "3 cells; the header has 4"),
    ("p1,x,y,a,b", "5 cells; the header has 4"),
]


@pytest.mark.parametrize(("row", "problem"), BAD)
def test_a_bad_row_is_named_with_its_field(row: str, problem: str) -> None:
    found = read(f"prompt_id,model_a,model_b,choice\np0,x,y,a\n{row}\n")
    assert (len(found.good), found.rows) == (1, 2)
    assert found.bad == (("row 2 (line 3)", [problem]),)


def test_a_language_is_zh_or_en() -> None:
    ((_, problems),) = read("prompt_id,model_a,model_b,choice,language\np,x,y,a,ZH\n").bad
    assert problems == ["field language: must be 'zh' or 'en', not 'ZH'"]


WHOLE = [
    ("", "FILE: empty file"),
    ("\n \n", "FILE: empty file"),
    ("prompt_id,model_a,model_b,choice\n", "FILE: a header and no rows"),
    ("prompt_id,model_a,choice\np,x,a\n", "the header lacks model_b (found 'prompt_id', 'model_a'"),
    ("p1,x,y,a\n", "lacks prompt_id or question_id, model_a, model_b, choice or winner"),
    ("prompt_id;model_a;model_b;choice\n", "(found 'prompt_id;model_a;model_b;choice')"),
    ("prompt_id,model_a,model_a,model_b,choice\n", "the header names a column twice: 'model_a'"),
    ('prompt_id,model_a,model_b,choice\np,"x,y,a\n', "FILE: line 2: not CSV: unexpected end"),
    ('prompt_id,model_a,model_b,choice\np,"x"z,y,a\n', "FILE: line 2: not CSV"),
]


@pytest.mark.parametrize(("text", "problem"), WHOLE)
def test_a_file_that_is_no_table_of_choices_is_refused_whole(text: str, problem: str) -> None:
    with pytest.raises(DataError) as caught:
        read(text)
    assert problem in str(caught.value)


def test_another_encoding_is_refused() -> None:
    with pytest.raises(DataError, match="FILE: not UTF-8"):
        read("prompt_id,model_a,model_b,choice\np,模型,y,a\n", "gbk")
