"""What was thought is told from what was answered."""

from __future__ import annotations

import pytest

from harness.reasoning import TAGS, split_reasoning


@pytest.mark.parametrize(("start", "end"), TAGS)
def test_a_leading_block_is_reasoning_in_every_known_spelling(start: str, end: str) -> None:
    assert split_reasoning(f"\n {start}\nweigh both\n{end}\n\n[[A]]") == ("weigh both", "[[A]]")


@pytest.mark.parametrize(("start", "end"), TAGS)
def test_a_close_tag_alone_ends_reasoning_that_the_prompt_began(start: str, end: str) -> None:
    assert split_reasoning(f"weigh both{end}[[A]]") == ("weigh both", "[[A]]")


@pytest.mark.parametrize(("start", "end"), TAGS)
def test_reasoning_never_closed_leaves_no_answer(start: str, end: str) -> None:
    assert split_reasoning(f"{start}so far [[A]]") == ("so far [[A]]", "")


def test_reasoning_that_the_prompt_opened_and_nothing_closed_leaves_no_answer() -> None:
    assert split_reasoning("so far [[A]]", opened=True) == ("so far [[A]]", "")


def test_reasoning_that_the_prompt_opened_ends_with_any_known_tag() -> None:
    assert split_reasoning("hm</seed:think>[[B]]", opened=True) == ("hm", "[[B]]")


def test_reasoning_runs_to_the_last_close_tag() -> None:
    text = "<think>a tag </think> ends [[A]]</think>[[B]]"
    assert split_reasoning(text) == ("a tag </think> ends [[A]]", "[[B]]")


def test_an_empty_block_is_no_reasoning() -> None:
    assert split_reasoning("<think>\n\n</think>\n\n[[A]]") == (None, "[[A]]")


@pytest.mark.parametrize(
    "text",
    ["", "  [[A]]\n", "the first <think> tag", "A quotes <think>x</think> and wins: [[A]]"],
)
def test_a_text_without_leading_reasoning_comes_back_as_it_is(text: str) -> None:
    assert split_reasoning(text) == (None, text)
