"""Which rows are one prompt, which id it counts under, and what is left out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from harness.data import PromptSet
from harness.errors import DataError

Load = Callable[..., PromptSet]


def ask(number: int, **changes: Any) -> dict[str, Any]:
    """A row of the form `prompts`."""
    return {"prompt_id": f"p{number}", "prompt": f"写一首诗 {number}", "tag": "诗歌", **changes}


def test_a_prompt_under_five_characters_is_left_out_and_counted(load: Load) -> None:
    rows = [
        ask(1, prompt="/"), ask(2, prompt=" / \n"), ask(3, prompt="写四个字"), ask(4),
        ask(5, prompt="写五个字。"), ask(6, prompt="/"),
    ]  # fmt: skip
    found = load(rows)
    assert [prompt.prompt_id for prompt in found.prompts] == ["p4", "p5"]
    assert (found.short_prompts, found.short_ids) == (3, ("p1", "p2", "p3", "p6"))
    assert found.notices == ("prompts under 5 characters (such as '/') are left out: 3 (rows: 4)",)


def test_a_file_of_short_prompts_alone_is_refused(load: Load) -> None:
    with pytest.raises(DataError, match="no prompt has 5 characters or more"):
        load([ask(1, prompt="/")])


def test_a_prompt_under_a_second_id_is_one_prompt_and_the_id_its_alias(load: Load) -> None:
    found = load([ask(1), ask(2, prompt="写一首诗 1"), ask(3)])
    assert [prompt.prompt_id for prompt in found.prompts] == ["p1", "p3"]
    assert found.aliases == {"p2": "p1"}
    assert found.notices == (
        "prompt ids whose prompt stands under another id before: 1 ('p2'); the first id counts",
    )


def test_white_space_makes_another_prompt(load: Load) -> None:
    found = load([ask(1), ask(2, prompt="写一首诗 1 ")])
    assert len(found.prompts) == 2


def test_an_id_of_two_prompts_is_nobodys(load: Load) -> None:
    rows = [ask(1), ask(1, prompt="写一篇散文。"), ask(1), ask(2), ask(3, prompt="写一首诗 1")]
    found = load(rows)
    ids = {prompt.prompt_id: prompt.prompt for prompt in found.prompts}
    assert ids == {"p1-1": "写一首诗 1", "p1-2": "写一篇散文。", "p2": "写一首诗 2"}
    assert found.aliases == {"p3": "p1-1"}
    assert "prompt ids that stand for several prompts: 1 ('p1')" in found.notices[1]


def test_a_numbered_id_is_never_one_of_the_files_own(load: Load) -> None:
    rows = [ask(1), ask(1, prompt="写一篇散文。"), ask(2, prompt_id="p1-2")]
    ids = [prompt.prompt_id for prompt in load(rows).prompts]
    assert ids == ["p1-1", "p1-2x", "p1-2"]


def test_an_id_whose_other_prompt_was_left_out_is_clear(load: Load) -> None:
    found = load([ask(1, prompt="/"), ask(1)])
    assert [prompt.prompt_id for prompt in found.prompts] == ["p1"]
    assert (found.short_prompts, found.short_ids) == (1, ())


def test_of_several_tags_the_first_counts(load: Load) -> None:
    rows = [
        ask(1), ask(1, tag="散文"), ask(2, tag="散文"), ask(2, tag="人物传记"),
        ask(3, prompt="/", tag="a"), ask(3, prompt="/", tag="b"),
    ]  # fmt: skip
    found = load(rows)
    assert [(p.tag, p.genre) for p in found.prompts] == [
        ("诗歌", "Poetry"),
        ("散文", "Non-Fiction"),
    ]
    assert (
        "prompts under several tags: 2 (of several genres: 1); the first row's tag counts"
        in found.notices
    )
