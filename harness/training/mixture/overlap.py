"""Which of many texts stand in a row, as a whole or for the most part."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

from harness.training.mixture.units import CodeArray, IntArray, distinct, grams, spans

NGRAM = 13  # units; what GPT-3's authors looked for (Brown et al. 2020, appendix C), in words
SHARE = 0.5
FEWEST = 5  # units of a text that is looked for at all, and different ones to look for its parts
SHORTEST = 8  # units of a text that is looked for inside another
ALL_BELOW = 21  # units; half the n-grams of fewer would be one phrase


class TextIndex:
    """Texts 0, 1, 2... as their units; of equal ones the first stands for all.

    A text is found in a row, whose fields are looked at together but never across their borders,

    - from 21 units on, where at least half of its distinct 13-grams stand there: so many do after
      a third is cut off or words are changed here and there, while a phrase such as "write an
      article of at least 800 characters" is at most a few of a prompt's;
    - from 13 to 20 units, where all of its 13-grams do: half of so few would be a phrase;
    - from 8 to 12 units, where its units do, in a row;
    - under 8 units never, and never with under 5 different ones ("ha ha ha"): that is chance.
    """

    def __init__(self, texts: Sequence[CodeArray]) -> None:
        self._equal: dict[bytes, int] = {}
        self._sizes = np.zeros(len(texts), np.int64)  # distinct n-grams; 0: not looked for
        self._needed = np.ones(len(texts), np.int64)
        parts: dict[int, list[tuple[CodeArray, int]]] = {}
        for number, codes in enumerate(texts):
            if codes.size < FEWEST or _digest(codes) in self._equal:
                continue
            self._equal[_digest(codes)] = number
            if codes.size < SHORTEST or distinct(codes).size < FEWEST:
                continue
            n = min(NGRAM, codes.size)
            own = distinct(grams(codes, n))
            share = 1.0 if codes.size < ALL_BELOW else SHARE
            self._sizes[number] = own.size
            self._needed[number] = np.ceil(share * own.size)
            parts.setdefault(n, []).append((own, number))
        self._holders = {n: _Holders(found) for n, found in sorted(parts.items())}

    def equal(self, codes: CodeArray) -> int | None:
        """The text that is equal to this one of at least 5 units."""
        return self._equal.get(_digest(codes)) if codes.size >= FEWEST else None

    def found(self, fields: Sequence[CodeArray]) -> tuple[int, float] | None:
        """The text of the highest share in a row, the first of several, and the share."""
        owners = [
            holders.of(distinct(np.concatenate([grams(field, n) for field in fields])))
            for n, holders in self._holders.items()
        ]
        if not any(part.size for part in owners):
            return None
        counts = np.bincount(np.concatenate(owners), minlength=self._sizes.size)
        enough = np.flatnonzero(counts >= self._needed)
        if not enough.size:
            return None
        shares = counts[enough] / self._sizes[enough]
        best = int(np.argmax(shares))
        return int(enough[best]), float(shares[best])


class _Holders:
    """The texts that hold each n-gram, for one n."""

    def __init__(self, texts: Sequence[tuple[CodeArray, int]]) -> None:
        """`texts` are distinct n-grams of a text and its number."""
        held = np.concatenate([own for own, _ in texts])
        owners = np.repeat([number for _, number in texts], [own.size for own, _ in texts])
        order = np.argsort(held, kind="stable")
        self._owners = owners[order]
        self._held, first = np.unique(held[order], return_index=True)
        self._begin = np.append(first, held.size)
        # most n-grams of a row are nobody's, and a table of bits says so faster than a search
        bits = max(10, int(self._held.size).bit_length() + 3)
        self._shift = np.uint64(64 - bits)
        self._some = np.zeros(1 << bits, np.bool_)
        self._some[self._held >> self._shift] = True

    def of(self, wanted: CodeArray) -> IntArray:
        """The holders of distinct n-grams, ascending; once for each n-gram a text holds."""
        wanted = wanted[self._some[wanted >> self._shift]]
        place = np.searchsorted(self._held, wanted)
        place = place[self._held[np.minimum(place, self._held.size - 1)] == wanted]
        return self._owners[spans(self._begin[place], self._begin[place + 1])]


def _digest(codes: CodeArray) -> bytes:
    return hashlib.blake2b(codes.astype("<u8").tobytes(), digest_size=16).digest()
