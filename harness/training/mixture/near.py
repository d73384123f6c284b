"""Near-duplicates as rows come: the highest Jaccard index with any text seen before, exactly."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from harness.training.mixture.units import CodeArray, IntArray, distinct, grams, spans, units

SHINGLE = 5

_EPSILON = 1e-9  # 0.55 * 100 is a little over 55
_ENTRY = np.dtype([("size", np.int64), ("prefix", np.int64), ("last", np.uint64)])
_FIRST = 256  # texts, before it is asked which shingles are common
_COMMON = 1 / 64  # of the texts hold it
_BUCKET = np.uint64((1 << 22) - 1)
_TOP = np.uint64(1 << 63)
_LOW = np.uint64(0xFFFF_FFFF)
_RUNS = 4  # so many of one size become one: few to search, none sorted often


def shingles(text: str) -> CodeArray:
    """The distinct runs of 5 units of a text, (S,), ascending codes of 63 bits.

    A text of fewer units is one run of all of them; one without units has none.
    """
    codes = units(text)
    return distinct(grams(codes, max(1, min(SHINGLE, codes.size))) >> np.uint64(1))


def jaccard(one: CodeArray, other: CodeArray) -> float:
    """The index of two sets given as ascending distinct codes, neither empty."""
    if one.size > other.size:
        one, other = other, one
    place = np.minimum(np.searchsorted(other, one), other.size - 1)
    both = int(np.count_nonzero(other[place] == one))
    return both / (one.size + other.size - both)


class NearIndex:
    """Texts one by one, each held against all before it.

    The resemblance of two texts is Jaccard's index of their sets of shingles (Broder 1997). No text
    is overlooked: of two sets ordered alike that reach index t, the first s - ceil(t * s) + 1
    of the s shingles of each have one in common (Chaudhuri et al., ICDE 2006). Only texts that
    share one there, and whose sizes and other shingles leave room for t, are compared in full
    (Xiao et al., WWW 2008). The order is that of the codes, but shingles that many texts hold
    come last, or a template would bring all its rows together. It is settled anew whenever the
    texts have doubled. About 10 bytes a shingle are kept.
    """

    def __init__(self, threshold: float) -> None:
        self._threshold = threshold
        self._sets: list[CodeArray] = []
        self._facts = np.zeros(_FIRST, _ENTRY)
        self._held = np.zeros(int(_BUCKET) + 1, np.int32)  # texts with a shingle of the bucket
        self._common = np.zeros(int(_BUCKET) + 1, np.bool_)
        self._prefixes = _Prefixes()
        self._latest: tuple[str, CodeArray] | None = None

    def nearest(self, text: str) -> float:
        """The highest index, from the threshold to 1, with a text added before; else 0.0."""
        own = self._shingles(text)
        if not own.size:
            return 0.0
        best = 0.0
        for number, most in self._candidates(own):
            if most <= best:
                break
            best = max(best, jaccard(own, self._sets[number]))
        return best if best >= self._threshold else 0.0

    def add(self, text: str) -> None:
        """Hold later texts against this one, too; one without letters or numbers is none."""
        own = self._shingles(text)
        if not own.size:
            return
        number = len(self._sets)
        if number == self._facts.size:
            self._facts = np.concatenate([self._facts, np.zeros(number, _ENTRY)])
            self._common = self._held > _COMMON * number
            self._prefixes = _Prefixes(self._enter(i, held) for i, held in enumerate(self._sets))
        self._sets.append(own)
        self._held[own & _BUCKET] += 1
        self._prefixes.add(self._enter(number, own), number)

    def _enter(self, number: int, own: CodeArray) -> CodeArray:
        """The prefix of a text's set, its facts noted."""
        prefix = self._prefix(own)
        self._facts[number] = own.size, prefix.size, prefix[-1]
        return prefix

    def _shingles(self, text: str) -> CodeArray:
        """Those of a text; whoever asks for the nearest of a text often adds it next."""
        if self._latest is None or self._latest[0] != text:
            self._latest = text, shingles(text)
        return self._latest[1]

    def _prefix(self, own: CodeArray) -> CodeArray:
        """The first shingles of a set, ascending; common ones have the highest bit."""
        size = own.size - max(1, math.ceil(self._threshold * own.size - _EPSILON)) + 1
        common = self._common[own & _BUCKET]
        return np.concatenate([own[~common], own[common] | _TOP])[:size]

    def _candidates(self, own: CodeArray) -> Iterable[tuple[int, float]]:
        """Texts that may reach the threshold, and the most they can reach, the highest first."""
        prefix = self._prefix(own)
        shared = self._prefixes.shared(prefix)
        found = np.flatnonzero(shared)
        both, facts = shared[found], self._facts[found]
        # up to the lower of the two last codes of the prefixes, all that is common is counted:
        # one set has the rest of its own behind that code, the other at most what is not common
        mine = np.where(facts["last"] >= prefix[-1], prefix.size, both)
        theirs = np.where(facts["last"] <= prefix[-1], facts["prefix"], both)
        both = both + np.minimum(own.size - mine, facts["size"] - theirs)
        both = np.minimum(both, np.minimum(own.size, facts["size"]))
        most = both / (own.size + facts["size"] - both)
        order = np.argsort(-most, kind="stable")
        order = order[most[order] >= self._threshold - _EPSILON]
        return zip(found[order].tolist(), most[order].tolist(), strict=True)


class _Prefixes:
    """Which texts hold a code among their first: sorted runs of the upper half of a code and the
    number of a text in one word. Two codes with one upper half make a candidate more, never one
    fewer."""

    def __init__(self, prefixes: Iterable[CodeArray] = ()) -> None:
        """The prefixes of the texts 0, 1, 2..."""
        runs = [_run(prefix, number) for number, prefix in enumerate(prefixes)]
        self._first = np.sort(np.concatenate([np.empty(0, np.uint64), *runs]))
        self._levels: list[list[CodeArray]] = []

    def add(self, prefix: CodeArray, number: int) -> None:
        run = _run(prefix, number)
        for level in self._levels:
            level.append(run)
            if len(level) < _RUNS:
                return
            run = np.sort(np.concatenate(level))
            level.clear()
        self._levels.append([run])

    def shared(self, prefix: CodeArray) -> IntArray:
        """How many codes of the prefix each text holds among its own first; texts after the last
        that holds any are left out."""
        low, high = prefix & ~_LOW, prefix | _LOW
        runs = [run for level in self._levels for run in level]
        if self._first.size:
            runs.append(self._first)
        owners = [run[spans(*_between(run, low, high))] & _LOW for run in runs]
        return np.bincount(np.concatenate([np.empty(0, np.uint64), *owners]).astype(np.int64))


def _run(prefix: CodeArray, number: int) -> CodeArray:
    return (prefix & ~_LOW) | np.uint64(number)


def _between(run: CodeArray, low: CodeArray, high: CodeArray) -> tuple[IntArray, IntArray]:
    """Where in a sorted run the words from low to below high begin and end, where there are any."""
    begin = np.searchsorted(run, low)
    some = run[np.minimum(begin, run.size - 1)] <= high
    some &= begin < run.size
    begin = begin[some]
    return begin, np.searchsorted(run, high[some])
