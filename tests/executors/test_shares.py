"""How requests are shared out: every one once, longest first, small pieces at the end."""

from __future__ import annotations

import random

import pytest

pytest.importorskip("torch", reason="needs the hf extra")

from harness.executors.cluster import _cpus
from harness.executors.shares import shares
from harness.models.base import ChatRequest


def requests(sizes: list[int]) -> list[tuple[int, ChatRequest]]:
    return [(size, ChatRequest(f"k{number}", (), number)) for number, size in enumerate(sizes)]


@pytest.mark.parametrize("workers", [1, 3, 8])
def test_every_request_is_handed_out_once_longest_first(workers: int) -> None:
    rng = random.Random(workers)
    sized = requests([rng.randrange(1, 5000) for _ in range(3000)])
    size = {request.key: tokens for tokens, request in sized}
    pieces = list(shares(sized, workers))
    flat = [request.key for piece in pieces for request in piece]
    assert sorted(flat) == sorted(size)
    tokens = [size[key] for key in flat]
    assert tokens == sorted(tokens, reverse=True)


def test_a_first_piece_is_half_a_share_and_the_last_ones_are_small() -> None:
    pieces = list(shares(requests([10] * 6400), 4))
    assert len(pieces[0]) == 800  # 6400 / 4 / 2
    assert len(pieces[1]) == 700
    assert all(len(piece) >= 32 for piece in pieces[:-1])
    assert len(pieces[-1]) <= 32
    assert sum(map(len, pieces)) == 6400


def test_a_few_requests_are_one_piece_and_none_are_none() -> None:
    assert [len(piece) for piece in shares(requests([5, 1, 9]), 8)] == [3]
    assert list(shares([], 2)) == []


@pytest.mark.parametrize(
    ("nodes", "workers", "each"),
    [([2], 2, 1), ([8], 3, 2), ([3, 3], 3, 1), ([3, 3], 2, 3), ([64, 64, 16], 2, 64), ([1], 5, 1)],
)
def test_processors_are_shared_out_node_by_node(nodes: list[int], workers: int, each: int) -> None:
    assert _cpus(nodes, workers) == each
