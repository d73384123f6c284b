"""Requests in pieces for whoever is free."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from harness.models.base import ChatRequest

_LEAST = 32  # requests handed out at once, so that a worker can answer them side by side


def shares(sized: Sequence[tuple[int, ChatRequest]], workers: int) -> Iterator[list[ChatRequest]]:
    """Requests with their tokens, in pieces, longest first.

    A piece takes half of what would be a worker's share of the tokens that are left: large at
    first, so that a worker can answer many side by side, and small at the end, so that all end
    together.
    """
    rows = sorted(sized, key=lambda row: (-row[0], row[1].key))
    left = sum(size for size, _ in rows)
    begin = 0
    while begin < len(rows):
        end, taken = begin, 0
        while end < len(rows) and (end - begin < _LEAST or taken < left / (2 * workers)):
            taken += rows[end][0]
            end += 1
        yield [request for _, request in rows[begin:end]]
        begin, left = end, left - taken
