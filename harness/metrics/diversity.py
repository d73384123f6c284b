"""Lexical diversity of one text: TTR, and four measures that lean on its length less."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from harness.metrics.tokens import CodeArray, numbered

WINDOW = 50
THRESHOLD = 0.72
DRAWS = 42
BUDGET = 200


def ttr(tokens: Sequence[str]) -> float:
    """Type-token ratio: distinct tokens over tokens, 0.0 for a text without any.

    It falls with length whoever writes, so it is never to be read without lengths beside it
    (docs/design.md 5.8; Covington and McFall 2010).
    """
    return len(set(tokens)) / len(tokens) if len(tokens) else 0.0


def mattr(tokens: Sequence[str] | CodeArray, window: int = WINDOW) -> float | None:
    """Moving-average TTR: the mean TTR of every `window` tokens in a row.

    A text shorter than the window is one window, so it has its plain TTR; null without tokens.
    Source: Covington and McFall, Journal of Quantitative Linguistics 17 (2010).
    """
    codes = codes_of(tokens)
    if not codes.size:
        return None
    size = min(window, codes.size)
    last = codes.size - size  # where the last window starts
    place = np.arange(codes.size)
    # a token is a type of the windows that hold it and not the one before it that equals it
    begin = np.maximum(np.maximum(_previous(codes), place - size) + 1, 0)
    types = np.maximum(np.minimum(place, last) - begin + 1, 0).sum()
    return float(types) / (size * (last + 1))


def mtld(tokens: Sequence[str] | CodeArray, threshold: float = THRESHOLD) -> float | None:
    """Measure of textual lexical diversity: tokens per factor, the mean of both directions.

    A factor is closed at the token that brings the TTR since the last one to the threshold or
    below; what is left over is a part of one, (1 - TTR) / (1 - threshold). A text of which no
    token is repeated has one factor: its number of tokens. Null without tokens. Source: McCarthy
    and Jarvis, Behavior Research Methods 42 (2010); factors as package lexicalrichness has them.
    """
    codes = codes_of(tokens)
    if not codes.size:
        return None
    ahead = _previous(codes)
    # read backwards, a token was seen last where it stands next
    back = np.full(codes.size, -1)
    again = np.flatnonzero(ahead >= 0)
    back[ahead[again]] = codes.size - 1 - again
    factors = (_factors(previous, threshold) for previous in (ahead, back[::-1]))
    return sum(codes.size / found for found in factors) / 2


def _factors(previous: npt.NDArray[np.integer], threshold: float) -> float:
    """Factors of a text, given for each token where it was seen last."""
    factors, start, repeats = 0.0, 0, 0
    # a token seen for the first time raises the ratio, so it closes no factor
    again = np.flatnonzero(previous >= 0)
    for end, before in zip((again + 1).tolist(), previous[again].tolist(), strict=True):
        if before >= start:
            repeats += 1
            words = end - start
            if (words - repeats) / words <= threshold:
                factors += 1
                start, repeats = end, 0
    words = previous.size - start
    if words:
        factors += repeats / words / (1 - threshold)
    return factors or 1.0


def hdd(tokens: Sequence[str] | CodeArray, draws: int = DRAWS) -> float | None:
    """Hypergeometric diversity: the expected TTR of `draws` tokens drawn without replacement.

    Each type adds the probability of being among them, over `draws`. Null for a text with fewer
    tokens than that. Source: McCarthy and Jarvis, Language Testing 24 (2007).
    """
    codes = codes_of(tokens)
    if codes.size < draws:
        return None
    counts = np.bincount(codes)
    # C(N - f, draws) / C(N, draws), the chance to miss a type of f tokens, for f = 1, 2, ...
    seen = np.arange(counts.max())
    missed = np.cumprod(np.maximum(codes.size - draws - seen, 0) / (codes.size - seen))
    return float((1 - missed[counts - 1]).sum() / draws)


def distinct_n(tokens: Sequence[str] | CodeArray, n: int = 2, budget: int = BUDGET) -> float | None:
    """Distinct n-grams over n-grams of the first `budget` tokens; null for a text with fewer.

    The ratio falls with length as TTR does, so every text is measured on as many tokens. Source:
    Li et al., arXiv 1510.03055, there over whole texts.
    """
    codes = codes_of(tokens)
    if codes.size < budget:
        return None
    first = codes[:budget].tolist()
    return len(set(zip(*(first[i:] for i in range(n)), strict=False))) / (budget - n + 1)


def codes_of(tokens: Sequence[str] | CodeArray) -> CodeArray:
    """Tokens as numbers from 0 without a gap; numbers are taken for those of `numbered`."""
    return tokens if isinstance(tokens, np.ndarray) else numbered(tokens)[0]


def _previous(codes: CodeArray) -> CodeArray:
    """Where each token stands before, for the last time; -1 where it is seen first."""
    # 16 bits are sorted by radix, three times as fast
    narrow = codes.astype(np.int16) if codes.size <= 1 << 15 else codes
    turn = np.argsort(narrow, kind="stable")
    again = codes[turn[1:]] == codes[turn[:-1]]
    previous = np.full(codes.size, -1, np.int32)
    previous[turn[1:][again]] = turn[:-1][again]
    return previous
