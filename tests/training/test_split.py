"""The split: whole clusters, half of every genre, whatever the order of the file."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace

import pytest

from harness.errors import DataError
from harness.records import Pair, Side, short_id
from harness.training.split import Split, split_pairs


def pair(number: int, genre: str = "Poetry", **changes: str) -> Pair:
    prompt = changes.get("prompt", f"prompt {number}")
    chosen, rejected = changes.get("chosen", f"good {number}"), f"bad {number}"
    return Pair(
        pair_id=short_id("en", f"id {number}", chosen, rejected),
        prompt_id=f"id {number}",
        prompt=prompt,
        tag=genre,
        genre=genre,
        language="en",
        chosen=Side(chosen, 3.0, None),
        rejected=Side(rejected, 1.0, None),
        row=number,
    )


def genres(count: int = 8, each: int = 8) -> list[Pair]:
    return [pair(g * each + k, f"genre {g}") for g in range(count) for k in range(each)]


def linked() -> list[Pair]:
    """Runs of two and three that share a prompt, or a text, in two genres."""
    found = []
    for number in range(0, 24, 2):
        genre = f"genre {number % 4}"
        found.append(pair(number, genre, prompt=f"shared {number // 6}"))
        found.append(pair(number + 1, genre, chosen=f"good {number}"))
    return found


def ids(split: Split) -> tuple[set[str], set[str]]:
    return {p.pair_id for p in split.train}, {p.pair_id for p in split.held_out}


def strings(pairs: tuple[Pair, ...]) -> set[str]:
    return {
        s for p in pairs for s in (p.prompt_id, p.prompt, p.chosen.response, p.rejected.response)
    }


def test_each_genre_has_half_of_its_pairs_held_out() -> None:
    split = split_pairs({"t": genres()}, held_out=0.5, seed=0)["t"]
    assert Counter(p.genre for p in split.train) == {f"genre {g}": 4 for g in range(8)}
    assert Counter(p.genre for p in split.held_out) == {f"genre {g}": 4 for g in range(8)}


def test_no_prompt_and_no_text_is_on_both_sides() -> None:
    split = split_pairs({"t": linked()}, held_out=0.5, seed=0)["t"]
    assert not strings(split.train) & strings(split.held_out)
    assert len(split.train) + len(split.held_out) == 24


def test_clusters_of_two_still_halve_a_genre() -> None:
    pairs = [pair(k, prompt=f"shared {k // 2}") for k in range(8)]
    split = split_pairs({"t": pairs}, held_out=0.5, seed=0)["t"]
    assert len(split.train) == len(split.held_out) == 4


def test_a_text_that_stands_in_two_tasks_is_on_one_side_only() -> None:
    again = [replace(p, prompt_id=f"other {p.prompt_id}") for p in genres()]
    splits = split_pairs({"a": genres(), "b": again}, held_out=0.5, seed=0)
    assert ids(splits["a"]) == ids(splits["b"])


@pytest.mark.parametrize("make", [genres, linked])
def test_the_split_does_not_move_with_the_order_of_the_file(make: type) -> None:
    pairs = make()
    expected = split_pairs({"t": pairs}, held_out=0.5, seed=0)["t"]
    for seed in range(5):
        shuffled = random.Random(seed).sample(pairs, len(pairs))
        assert split_pairs({"t": shuffled}, held_out=0.5, seed=0)["t"] == expected


def test_another_seed_holds_out_other_pairs() -> None:
    one, two = (split_pairs({"t": genres()}, held_out=0.5, seed=seed)["t"] for seed in (0, 1))
    assert ids(one) != ids(two)


def test_a_quarter_held_out_is_a_quarter_of_each_genre() -> None:
    split = split_pairs({"t": genres()}, held_out=0.25, seed=0)["t"]
    assert Counter(p.genre for p in split.held_out) == {f"genre {g}": 2 for g in range(8)}


def test_pairs_that_all_hang_together_cannot_be_split() -> None:
    with pytest.raises(DataError, match="cannot be split"):
        split_pairs({"t": [pair(k, prompt="one") for k in range(8)]}, held_out=0.5, seed=0)
