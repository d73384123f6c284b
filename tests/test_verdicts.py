"""What an answer says: its label or number, or why there is none; nothing is ever made up."""

from __future__ import annotations

from typing import Any

import pytest

from harness.specs import LabelVerdict, NumberVerdict
from harness.verdicts import Pick, outcome_of, parse_pick, parse_rating


def labels(a: str = "[[A]]", b: str = "[[B]]", **more: Any) -> LabelVerdict:
    return LabelVerdict.model_validate({"parser": "last_label", "a": a, "b": b, **more})


RM_R1 = labels(
    "<answer>[[A]]</answer>",
    "<answer>[[B]]</answer>",
    fallback={"a": "[[A]]", "b": "[[B]]"},
    also=["only_label", "tail_label"],
)
SCALE = NumberVerdict(parser="last_number", min=0, max=3)


def pick(answer: str, spec: LabelVerdict | None = None, **more: Any) -> str | None:
    """The label of an answer that has to have one."""
    found = parse_pick(spec or labels(), answer, more.get("finish", "stop"), more.get("rule"))
    assert (found.label is None) == (found.reason is not None)
    return found.label


def why(answer: str, spec: LabelVerdict | None = None, **more: Any) -> str | None:
    """Why an answer has no label."""
    found = parse_pick(spec or labels(), answer, more.get("finish", "stop"), more.get("rule"))
    assert found.label is None
    return found.reason


# labels


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("Text B has the better ending.\n\n[[B]]", "b"),
        ("[[A]] is tempting, but [[B]]", "b"),
        ("[[B]] is tempting, but [[A]]\n\nThat is all.", "a"),
        ("**[[A]]**", "a"),
        ("［［Ａ］］", "a"),
        ("结论：[[B]]。", "b"),
        ("[[[B]]]", "b"),
        ("[[A]][[B]][[A]]", "a"),
    ],
)
def test_the_last_label_decides(answer: str, expected: str) -> None:
    assert pick(answer) == expected


def test_a_label_decides_even_if_the_answer_was_cut_off_after_it() -> None:
    assert pick("[[A]] because the", finish="length") == "a"


@pytest.mark.parametrize(
    ("answer", "finish", "reason"),
    [
        ("Both are fine.", "stop", "no label"),
        ("[A] or [[a]] or [[ A ]] or [[C]]", "stop", "no label"),
        ("", "stop", "empty answer"),
        (" \n", None, "empty answer"),
        ("Text A begins", "length", "cut off before a label (length)"),
        ("", "length", "cut off before a label (length)"),
        ("Text A", "content_filter", "cut off before a label (content_filter)"),
    ],
)
def test_an_answer_without_a_label_says_why(answer: str, finish: str, reason: str) -> None:
    assert why(answer, finish=finish) == reason


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("A", "a"),
        ("Answer: B", "b"),
        ("选A更好", "a"),
        ("**B**.", "b"),
        ("（Ｂ）", "b"),
        ("Answer", None),
        ("B2 and 4A", None),
        ("I like Alice and Bob", None),
    ],
)
def test_a_letter_is_a_label_only_where_it_stands_free(answer: str, expected: str | None) -> None:
    assert pick(answer, labels("A", "B")) == expected


def test_the_longest_label_counts_where_several_begin() -> None:
    spec = labels("A", "B", tie="A=B")
    assert pick("A=B", spec) == "tie"
    assert pick("A=B, or rather A", spec) == "a"
    assert pick("[[A>>B]]", labels("[[A>B]]", "[[B>A]]", tie="[[A>>B]]")) == "tie"


def test_characters_of_a_pattern_are_plain_characters_in_a_label() -> None:
    spec = labels("(A|.*)", "B+?")
    assert pick("(A|.*)", spec) == "a"
    assert pick("B+?", spec) == "b"
    assert why("A B BB", spec) == "no label"


def test_fallback_labels_count_only_where_no_main_label_stands() -> None:
    assert pick("So it is [[B]].", RM_R1) == "b"
    assert pick("<answer>[[A]]</answer> and not [[B]]", RM_R1) == "a"
    assert pick("<answer>[[B]]</answer> </answer>", RM_R1) == "b"
    assert pick("<answer>[[A]]", RM_R1) == "a"


def test_an_answer_that_was_cut_off_has_only_mentioned_its_fallback_labels() -> None:
    reason = "cut off before a label (length)"
    assert why("I may say [[A]] or [[B]]. First", RM_R1, finish="length") == reason
    assert pick("<answer>[[A]]</answer> x", RM_R1, finish="length") == "a"


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("<answer>[[A]]</answer> so <answer>[[A]]</answer>", Pick("a")),
        ("<answer>[[A]]</answer> no, <answer>[[B]]</answer>", Pick(None, "two labels")),
        ("[[A]]", Pick(None, "no label")),
        ("x" * 200 + "<answer>[[B]]</answer>" + "y" * 200, Pick("b")),
    ],
)
def test_only_label_takes_the_one_kind_of_label_that_stands_anywhere(
    answer: str, expected: Pick
) -> None:
    assert parse_pick(RM_R1, answer, "stop", "only_label") == expected


MARK = "<answer>[[A]]</answer>"  # 22 characters


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (MARK + "y" * 58, Pick("a")),
        (MARK + "y" * 59, Pick(None, "no label in the last 80 characters")),
        ("<answer>[[B]]</answer>" + "y" * 60 + MARK, Pick("a")),
        ("<answer>[[B]]</answer>" + MARK, Pick(None, "two labels")),
        (MARK + MARK, Pick(None, "two labels")),
        ("[[A]]", Pick(None, "no label in the last 80 characters")),
    ],
)
def test_tail_label_takes_the_one_label_of_the_last_80_characters(
    answer: str, expected: Pick
) -> None:
    assert parse_pick(RM_R1, answer, "stop", "tail_label") == expected


def test_the_tail_does_not_make_a_label_of_the_end_of_a_word() -> None:
    spec = labels("A", "B", parser="tail_label")
    assert why("C" + "A" + "." * 79, spec) == "no label in the last 80 characters"
    assert pick(" " + "A" + "." * 79, spec) == "a"


def test_the_file_s_own_rule_is_the_default() -> None:
    assert why("[[A]] [[B]]", labels(parser="only_label")) == "two labels"
    assert pick("[[A]] [[B]]", labels(parser="only_label"), rule="last_label") == "b"


@pytest.mark.parametrize(
    ("label", "order", "outcome"),
    [
        ("a", "chosen_first", "chosen"),
        ("b", "chosen_first", "rejected"),
        ("a", "rejected_first", "rejected"),
        ("b", "rejected_first", "chosen"),
        ("tie", "rejected_first", "tie"),
        (None, "chosen_first", "unparsed"),
    ],
)
def test_an_outcome_is_the_label_seen_from_the_order(label: Any, order: Any, outcome: str) -> None:
    assert outcome_of(Pick(label), order) == outcome


# numbers


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("Fresh images.\n\nRating: 2", 2),
        ("评分：2", 2),
        ("我给2分。", 2),
        ("得分为２", 2),
        ("**Rating:** **2**.", 2),
        ("\\boxed{2}", 2),
        ("[[2.5]]", 2.5),
        (".5", 0.5),
        ("2½", 2.5),
        ("②", 2),
        ("0", 0),
        ("-0", 0),
        ("+3", 3),
        ("Rating-2", 2),
        ("2pts", 2),
        ("1. Ideas: 3\n2. Style: 3\n\nRating: 1", 1),
        ("GPT4 writes like a 1 in the 2nd part, in 3D", 1),
    ],
)
def test_the_last_number_is_the_rating(answer: str, expected: float) -> None:
    assert parse_rating(SCALE, answer, "stop") == (expected, None)


@pytest.mark.parametrize(
    "answer",
    [
        "2/3", "2 / 3", "２／３", "2 out of 3.", "2 points out of 3", "2 (out of a possible 3)",
        "2 (max 3)", "2 (on a scale of 0 to 3)", "2 (0-3)", "2, between 0 and 3",
        "2 on a 3-point scale", "2分（满分3分）", "2 分（满分为 3 分）", "2分，满分3分", "2分/3分",
        "2（0–3分）", "评分范围0-3，评分2", "满分3分，我给2分", "按3分制给2分",
    ],
)  # fmt: skip
def test_what_names_the_scale_is_no_rating(answer: str) -> None:
    assert parse_rating(SCALE, answer, "stop") == (2.0, None)


def test_the_highest_rating_is_one_where_it_is_given() -> None:
    for answer in ("3/3", "3 out of 3", "给满分3分", "3分（满分3分）"):
        assert parse_rating(SCALE, answer, "stop") == (3.0, None)
    assert parse_rating(SCALE, "0/3", "stop") == (0.0, None)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("5", "5 is not from 0 to 3"),
        ("-1", "-1 is not from 0 to 3"),
        ("3.01", "3.01 is not from 0 to 3"),
        ("2, or 80 percent", "80 is not from 0 to 3"),
        ("8/10", "'8/10' is not one number"),
        ("1/2", "'1/2' is not one number"),
        ("2-3", "'2-3' is not one number"),
        ("2 or 3", "'2 or 3' is not one number"),
        ("2到3", "'2到3' is not one number"),
        ("1,5", "'1,5' is not one number"),
        ("9" * 100, "99999999999999999... is not from 0 to 3"),
        ("two out of 3", "no number"),
        ("两分（满分3分）", "no number"),
        ("version 1.2.3 of GPT4", "no number"),
        ("", "empty answer"),
    ],
)
def test_no_rating_is_made_up(answer: str, reason: str) -> None:
    assert parse_rating(SCALE, answer, "stop") == (None, reason)


def test_no_number_of_an_answer_that_was_cut_off_is_a_rating() -> None:
    for finish in ("length", "content_filter"):
        reason = f"cut off before a number ({finish})"
        assert parse_rating(SCALE, "There are 2", finish) == (None, reason)
    assert parse_rating(SCALE, "2", None) == (2.0, None)


def test_a_scale_from_1_to_10_works_alike() -> None:
    scale = NumberVerdict(parser="last_number", min=1, max=10)
    for answer in ("7", "7/10", "7.0 out of 10", "7（满分10分）", "7 (1-10)"):
        assert parse_rating(scale, answer, "stop") == (7.0, None)
    assert parse_rating(scale, "2/3", "stop") == (None, "'2/3' is not one number")


@pytest.mark.parametrize(
    "unit",
    ["[[A]] 1 ", "9", "1-", "1 , ", "分（满分3分）", "out of ", "[[A]", "½ ", "a\u0301\u0323", " "],
)
def test_a_huge_answer_is_no_trouble(unit: str) -> None:
    answer = unit * (500_000 // len(unit))
    assert parse_pick(RM_R1, answer, "stop").label in ("a", None)
    assert parse_rating(SCALE, answer, "stop")[0] in (1.0, 0.5, None)
