"""Lexical diversity of one text."""

from __future__ import annotations

from collections.abc import Sequence


def ttr(tokens: Sequence[str]) -> float:
    """Type-token ratio: distinct tokens over tokens, 0.0 for a text without any.

    It falls with length whoever writes, so it is never to be read without lengths beside it
    (docs/design.md 5.8; Covington and McFall 2010).
    """
    return len(set(tokens)) / len(tokens) if tokens else 0.0
