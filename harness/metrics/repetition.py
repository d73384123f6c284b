"""Does a text repeat itself, and did its writer never find the end of it?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np

from harness.metrics.diversity import codes_of
from harness.metrics.tokens import CodeArray

N = 8
SEQ_REP_LIMIT = 0.5
LOOP_TIMES, LOOP_CHARS, LOOP_TAIL = 4, 200, 4_000
RUN = 100
DIVIDER_CHARS = 1_000  # the cells of a wide table in plain text are filled with a few hundred
_DIVIDERS = " \t\r\n\u3000-=_*~#.|+:·•…‐‑‒–—―─━═＿～－＝"
_END = 16


def seq_rep(tokens: Sequence[str] | CodeArray, n: int = N) -> float | None:
    """Share of the n-grams of a text that stood in it before: 1 - distinct / all.

    Null for a text with fewer than n tokens. Source: seq-rep-n of Welleck et al., arXiv
    1908.04319, there of a continuation.
    """
    codes = codes_of(tokens)
    count = codes.size - n + 1
    if count < 1:
        return None
    # an n-gram that stands twice is made of tokens that do: few are, and only they are compared
    alone = np.concatenate(([0], np.cumsum(np.bincount(codes)[codes] == 1)))
    suspects = np.flatnonzero(alone[n:] == alone[:-n]) * codes.itemsize
    # as bytes one is cut out and hashed in a third of a tuple's time
    raw, width = codes.tobytes(), n * codes.itemsize
    distinct = {raw[i : i + width] for i in suspects.tolist()}
    return (suspects.size - len(distinct)) / count


def is_runaway(text: str, seq_rep8: float | None) -> bool:
    """Whether a text loops; any of three is enough.

    - `seq_rep8`, its `seq_rep` with n = 8, is over 0.5: on average it says everything more than
      twice. Songs with refrains reach 0.25, a text that comes with its draft 0.45.
    - It ends in a loop: its last 200 characters or more are one unit at least four times in a
      row, the last one perhaps cut off (units of up to 1,000 characters).
    - It holds one character 100 times in a row.

    A unit or a character that divides or fills (white space, dashes, dots, table lines) has to
    cover 1,000 characters.
    """
    return (seq_rep8 is not None and seq_rep8 > SEQ_REP_LIMIT) or _runs(text) or _loops(text)


def _runs(text: str) -> bool:
    """One character, many times in a row."""
    # half as far apart as a run is long, two neighbours lie in it
    sampled = text[:: RUN // 2]
    suspects = {one for one, other in pairwise(sampled) if one == other}
    return any(one * (DIVIDER_CHARS if one in _DIVIDERS else RUN) in text for one in suspects)


def _loops(text: str) -> bool:
    """One unit, many times in a row, at the end."""
    tail = text[-LOOP_TAIL:]
    for period in _periods(tail):
        least = DIVIDER_CHARS if not tail[-period:].strip(_DIVIDERS) else LOOP_CHARS
        covered = max(LOOP_TIMES * period, least)
        if covered <= len(tail) and tail[-covered:-period] == tail[period - covered :]:
            return True
    return False


def _periods(tail: str) -> Iterator[int]:
    """How far back the last few characters stood before, nearest first."""
    end = tail[-_END:]
    place = tail.rfind(end, 0, -1)
    while end and place >= 0:
        yield len(tail) - len(end) - place
        place = tail.rfind(end, 0, place + len(end) - 1)
