"""Clusters: connected components over shared prompts and texts."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

import pytest

from harness.data.clusters import clusters
from harness.records import Pair

Make = Callable[..., Pair]


def linked(a: Pair, b: Pair) -> bool:
    texts = {a.chosen.response, a.rejected.response}
    shared = texts & {b.chosen.response, b.rejected.response}
    return a.prompt_id == b.prompt_id or a.prompt == b.prompt or bool(shared)


def by_flooding(pairs: Sequence[Pair]) -> list[int]:
    """The same by brute force: spread each cluster's number until nothing changes."""
    number = [-1] * len(pairs)
    for start in range(len(pairs)):
        if number[start] >= 0:
            continue
        number[start] = max(number) + 1
        edge = [start]
        while edge:
            at = edge.pop()
            for other, pair in enumerate(pairs):
                if number[other] < 0 and linked(pairs[at], pair):
                    number[other] = number[start]
                    edge.append(other)
    return number


def test_pairs_that_share_nothing_are_clusters_of_their_own(make_pair: Make) -> None:
    pairs = [make_pair("1", "a", "w", "x"), make_pair("2", "b", "y", "z")]
    assert clusters(pairs).tolist() == [0, 1]


def test_each_kind_of_link_joins(make_pair: Make) -> None:
    first = make_pair("1", "a", "w", "x")
    assert clusters([first, make_pair("1", "b", "y", "z")]).tolist() == [0, 0]
    assert clusters([first, make_pair("2", "a", "y", "z")]).tolist() == [0, 0]
    assert clusters([first, make_pair("2", "b", "w", "z")]).tolist() == [0, 0]
    assert clusters([first, make_pair("2", "b", "y", "w")]).tolist() == [0, 0]


def test_equal_strings_of_different_kinds_do_not_join(make_pair: Make) -> None:
    pairs = [make_pair("same", "a", "w", "x"), make_pair("2", "same", "y", "z")]
    pairs.append(make_pair("3", "c", "same", "v"))
    assert clusters(pairs).tolist() == [0, 1, 2]


def test_a_chain_of_links_is_one_cluster_numbered_by_first_appearance(make_pair: Make) -> None:
    pairs = [
        make_pair("1", "a", "t1", "t2"),
        make_pair("2", "b", "t3", "t4"),
        make_pair("3", "c", "t4", "t1"),
        make_pair("4", "d", "t5", "t6"),
    ]
    assert clusters(pairs).tolist() == [0, 0, 0, 1]


@pytest.mark.parametrize("seed", range(8))
def test_clusters_equal_flooding_on_random_pairs(make_pair: Make, seed: int) -> None:
    draw = random.Random(seed)
    n = 90
    pairs = [
        make_pair(
            f"{draw.randrange(2 * n)}",
            f"{draw.randrange(2 * n)}",
            f"c{draw.randrange(3 * n)}",
            f"{draw.choice('cr')}{draw.randrange(3 * n)}",
        )
        for _ in range(n)
    ]
    assert clusters(pairs).tolist() == by_flooding(pairs)


def test_no_pairs_are_no_clusters() -> None:
    assert clusters([]).tolist() == []
