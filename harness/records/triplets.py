"""What a writer is trained on: a query, perhaps a thought, and the answer."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Triplet:
    """One training row, its texts as they stand in the file.

    `id` is `triplet_id` of the three texts; `thought` is null where there is none (never blank);
    `row` is the row's place in its file, from 1.
    """

    id: str
    query: str
    thought: str | None
    answer: str
    row: int


def triplet_id(query: str, thought: str | None, answer: str) -> str:
    """sha256 (64 hex digits) of query, thought or nothing, and answer, joined by NUL."""
    text = "\0".join((query, thought or "", answer))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def sha256_ids(ids: list[str]) -> str:
    """sha256 of the sorted ids joined by newlines: names a set of rows, whatever their order."""
    return hashlib.sha256("\n".join(sorted(ids)).encode()).hexdigest()
