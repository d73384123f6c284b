"""What a null model gives a text: its length, chance, or its type-token ratio."""

from __future__ import annotations

import hashlib
from typing import Literal, get_args

from harness.metrics.tokens import Segmenter
from harness.records import Language

NullScorer = Literal["length", "shorter", "random", "ttr"]
NULL_SCORERS: tuple[NullScorer, ...] = get_args(NullScorer)


def null_score(
    what: NullScorer,
    text: str,
    language: Language,
    *,
    seed: int = 0,
    segmenter: Segmenter = "jieba",
) -> float:
    """The score of a text (docs/design.md 5.6), exact in float32 but for `ttr`.

    `length` and `shorter`: len() of the unstripped text, and its negative; `random`: the first
    three bytes of sha256(seed NUL text) over 2^24, so that it depends on nothing else; `ttr`:
    docs/design.md 5.8.
    """
    if what == "length":
        return float(len(text))
    if what == "shorter":
        return -float(len(text))
    if what == "random":
        digest = hashlib.sha256(f"{seed}\0{text}".encode()).digest()
        return int.from_bytes(digest[:3], "big") / 2**24
    from harness.metrics.diversity import ttr
    from harness.metrics.tokens import tokenize

    return ttr(tokenize(text, language, segmenter))
