"""A text's normal form for looking up copies of it: units as 64-bit codes, and runs of them."""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from harness.specs.forms import normal

CodeArray: TypeAlias = npt.NDArray[np.uint64]
IntArray: TypeAlias = npt.NDArray[np.int64]

_APART, _LETTER, _WIDE, _GONE = range(4)
_LAST = 0x3FFFF  # above it there are tags and private characters alone
_STEP = np.uint64(0x9E3779B97F4A7C15)  # odd, so that no bit of a code is lost by multiplying
# A piece ends before a character that never joins with what stands before it, if there is one
# within reach: where a text is cut must not change its normal form.
_PIECE = re.compile(r"(?s:.{128}(?:.{0,128}?(?=[\0-\u02ff\u3400-\u9fff]))?|.+)")


def units(text: str) -> CodeArray:
    """The units of a text in its order, (U,), each as a code of 64 bits.

    A text is taken after NFKC and lower case. A unit is one wide letter (East Asian Width W: Han,
    kana, hangul and their kin), or else letters and numbers in a row (Unicode L and N). Marks
    that NFKC leaves and format characters are dropped and part no word; all else parts words.
    Codes are the same on every machine; that two of 100 million units or runs of them share one
    has a chance of about 3 in 10,000.
    """
    form = "".join([normal("NFKC", piece) for piece in _PIECE.findall(text)]).lower()
    points = np.frombuffer(form.encode("utf-32-le", "surrogatepass"), "<u4")
    kind = _kinds()[np.minimum(points, _LAST)]
    here = kind != _GONE
    points, kind = points[here], kind[here]
    begins = kind == _WIDE
    begins[:1] |= kind[:1] == _LETTER
    begins[1:] |= (kind[1:] == _LETTER) & (kind[:-1] != _LETTER)
    inside = kind != _APART
    first = np.flatnonzero(begins[inside])
    if not first.size:
        return np.empty(0, np.uint64)
    codes = _mixed(points[inside].astype(np.uint64))
    place = np.arange(codes.size) - np.repeat(first, np.diff(first, append=codes.size))
    powers = np.full(place.max() + 1, _STEP).cumprod(dtype=np.uint64)
    return _mixed(np.add.reduceat(codes * powers[place], first))


def grams(codes: CodeArray, n: int) -> CodeArray:
    """The runs of `n` units in U, (U - n + 1,) in their order; none where U < n."""
    count = codes.size - n + 1
    if count < 1:
        return np.empty(0, np.uint64)
    runs = np.zeros(count, np.uint64)
    for place in range(n):
        runs *= _STEP
        runs += codes[place : place + count]
    return _mixed(runs)


def distinct(codes: CodeArray) -> CodeArray:
    """Each code once, ascending, (D,); for these sizes several times as fast as np.unique."""
    ordered = np.sort(codes)
    first = np.ones(ordered.size, np.bool_)
    first[1:] = ordered[1:] != ordered[:-1]
    return ordered[first]


def spans(begin: IntArray, end: IntArray) -> IntArray:
    """The places begin..end-1 of each of N spans, one after the other, (sum of lengths,)."""
    lengths = end - begin
    before = np.cumsum(lengths) - lengths
    places = np.arange(lengths.sum(), dtype=np.int64)
    places += np.repeat(begin - before, lengths)
    return places


def _mixed(codes: CodeArray) -> CodeArray:
    """Every bit of a code on every other (splitmix64's last step; Steele et al., OOPSLA 2014)."""
    codes = codes + _STEP
    codes = (codes ^ (codes >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    codes = (codes ^ (codes >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return codes ^ (codes >> np.uint64(31))


@cache
def _kinds() -> npt.NDArray[np.uint8]:
    """What a code point is to a text in normal form, (_LAST + 1,)."""
    return np.fromiter(map(_kind, map(chr, range(_LAST + 1))), np.uint8, _LAST + 1)


def _kind(char: str) -> int:
    if char.isalnum():
        return _WIDE if unicodedata.east_asian_width(char) == "W" else _LETTER
    category = unicodedata.category(char)
    return _GONE if category[0] == "M" or category == "Cf" else _APART
