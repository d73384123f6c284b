"""Columns of pairs: strings end to end, quirks and facts out of numbers, selections."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from harness.data.clusters import clusters
from harness.data.columns import columns, taken, text_ids
from harness.data.kept import KeptPairs
from harness.data.quirks import find_quirks, only_space_apart
from harness.data.strings import StringsBuilder, strings_of
from harness.errors import UsageError
from harness.models.base import ModelSettings
from harness.records import Pair, PairFacts, Prompt, Side, candidate
from harness.request import RunRequest, select
from harness.results import pair_facts, pairs_sha256

TEXTS = ["", "a", "字", "", "😀 b\n", "\ud83d", "end"]


def test_strings_come_back_as_they_went_in() -> None:
    column = strings_of(TEXTS)
    assert list(column) == [column[i] for i in range(len(column))] == TEXTS
    many = [str(i) * (i % 5) for i in range(10_000)]
    assert list(strings_of(many)) == many
    assert list(StringsBuilder().done()) == []


def test_strings_are_taken_in_any_order_and_twice() -> None:
    assert list(strings_of(TEXTS).take(np.array([4, 2, 2, 0]))) == ["😀 b\n", "字", "字", ""]


def drawn(seed: int, n: int = 200) -> KeptPairs:
    """Random pairs with repeated, swapped and spaced texts, some without scores or models."""
    draw = random.Random(seed)

    def side() -> Side:
        text = draw.choice("abcde") + " " * draw.randrange(3) + draw.choice("xyz")
        return Side(text, draw.choice([None, 0.0, 1.0, 2.5]), draw.choice([None, "m", "k"]))

    return KeptPairs(
        Pair(
            f"id{i}" + "-2" * (i % 7 == 0),
            f"p{draw.randrange(30)}",
            draw.choice(["/", "  short", "a longer prompt", "another prompt"]),
            draw.choice(["t1", "t2", "t3"]),
            draw.choice(["G1", "G2"]),
            draw.choice(["zh", "en"]),
            side(),
            side(),
            i + 3,
        )
        for i in range(n)
    )


@pytest.mark.parametrize("seed", range(4))
def test_quirks_are_those_counted_pair_by_pair(seed: int) -> None:
    pairs = KeptPairs(pair for pair in drawn(seed) if pair.language == "en")
    quirks = find_quirks(pairs)
    ways = {(p.prompt, p.chosen.response, p.rejected.response) for p in pairs}
    same = [(p.prompt_id, p.chosen.response, p.rejected.response) for p in pairs]
    scores = [(p.chosen.score, p.rejected.score) for p in pairs]
    known = [(a, b) for a, b in scores if a is not None and b is not None]
    assert quirks.gold_ties == sum(a == b for a, b in known)
    assert quirks.against_label == sum(a < b for a, b in known)
    assert quirks.short_prompts == sum(len(p.prompt.strip()) < 5 for p in pairs)
    assert quirks.duplicates == len(same) - len(set(same))
    assert quirks.swapped == sum(
        (p.prompt, p.rejected.response, p.chosen.response) in ways for p in pairs
    )
    words = [(p.chosen.response.split(), p.rejected.response.split()) for p in pairs]
    assert quirks.only_space_apart == sum(a == b for a, b in words)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (" a  b", "a b\n", True),
        ("a b", "ab", False),
        ("", " \u3000", True),
        ("a", "", False),
        ("\u2003字 ", "字", True),
    ],
)
def test_texts_of_the_same_words_are_only_space_apart(one: str, other: str, same: bool) -> None:
    assert only_space_apart(one, other) is only_space_apart(other, one) is same


def test_the_facts_of_pairs_are_those_of_their_texts() -> None:
    pairs = drawn(1)
    links = clusters(pairs)
    for row, (pair, facts) in enumerate(zip(pairs, pair_facts(pairs), strict=True)):
        one, other = pair.chosen, pair.rejected
        assert facts == PairFacts(
            *pair.head, int(links[row]), candidate(pair, one).id, candidate(pair, other).id,
            len(one.response), len(other.response), one.model, other.model, one.score, other.score,
        )  # fmt: skip


def test_text_ids_are_numbers_for_pairs_of_any_kind() -> None:
    pairs = drawn(2)
    for sequence in (pairs, tuple(pairs), list(pairs)):
        chosen, rejected = text_ids(sequence)
        assert [f"{n:016x}" for n in chosen.tolist()] == [
            candidate(pair, pair.chosen).id for pair in pairs
        ]
        assert [f"{n:016x}" for n in rejected.tolist()] == [
            candidate(pair, pair.rejected).id for pair in pairs
        ]


def test_the_sum_over_pairs_is_of_their_ids_tags_and_genres() -> None:
    pairs = drawn(3)
    lines = "".join(f"{pair.pair_id}\0{pair.tag}\0{pair.genre}\n" for pair in pairs)
    assert pairs_sha256(pairs) == hashlib.sha256(lines.encode()).hexdigest()


def test_pairs_that_are_taken_have_the_columns_of_their_own() -> None:
    pairs = drawn(4)
    rows = np.array([150, 3, 77])
    some = taken(pairs, rows)
    assert some == (pairs[150], pairs[3], pairs[77])
    assert list(pair_facts(some)) == list(pair_facts(list(some)))
    cut = columns(pairs).take(rows)
    assert list(cut.heads()) == [pair.head for pair in some]
    assert cut.row.tolist() == [pair.row for pair in some]


def test_no_pairs_have_empty_columns() -> None:
    assert (len(columns(())), list(pair_facts(()))) == (0, [])


def request(**options: Any) -> RunRequest:
    return RunRequest(tasks=(), model="", settings=ModelSettings(seed=5), **options)


def prompts(n: int = 60) -> tuple[Prompt, ...]:
    return tuple(Prompt(f"p{i}", f"ask {i}", "t", ("B", "A", "C")[i % 3], "en") for i in range(n))


@pytest.mark.parametrize("items", [drawn(6), prompts()], ids=["pairs", "prompts"])
@pytest.mark.parametrize(
    ("limit", "count"), [(None, None), (7, 7), (0.25, None), (10**9, None), (1e-9, 1)]
)
def test_a_limit_takes_those_of_the_lowest_hash_in_the_order_of_the_file(
    items: Any, limit: Any, count: int | None
) -> None:
    def rank(item: Any) -> str:
        name = item.pair_id if isinstance(item, Pair) else item.prompt_id
        return hashlib.sha256(f"5\0{name}".encode()).hexdigest()

    genre = sorted({item.genre for item in items})[0]
    kept = [item for item in items if item.genre == genre]
    if count is None:
        wanted = len(kept) if limit is None or limit > 1 else round(limit * len(kept))
    else:
        wanted = count
    expected = set(map(rank, sorted(kept, key=rank)[:wanted]))
    found = select(items, request(genres=(genre,), limit=limit))
    assert list(found) == [item for item in kept if rank(item) in expected]


@pytest.mark.parametrize("items", [drawn(6), prompts()], ids=["pairs", "prompts"])
def test_a_genre_that_is_not_there_is_wrong_use(items: Any) -> None:
    with pytest.raises(UsageError, match="--genres: unknown genre 'G11'"):
        select(items, request(genres=("G11",)))


def test_nothing_is_selected_of_nothing(make_pair: Callable[..., Pair]) -> None:
    assert tuple(select((), request())) == ()
