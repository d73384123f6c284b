"""Words of a text for lexical diversity: jieba or rjieba for Chinese, a word regex for English."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Sequence
from functools import cache
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from harness.errors import MissingExtra
from harness.metrics.unknown_words import jieba_cut
from harness.records import Language

Segmenter = Literal["jieba", "rjieba"]
CodeArray: TypeAlias = npt.NDArray[np.int32]
Numbered: TypeAlias = tuple[CodeArray, list[str]]  # what `numbered` makes of a text

ENGLISH_WORD = r"[^\W_]+(?:['’-][^\W_]+)*"
_WORD = re.compile(ENGLISH_WORD)
_HOLDS_WORD = re.compile(r"[^\W_]").search


def tokenize(text: str, language: Language, segmenter: Segmenter = "jieba") -> list[str]:
    """Lower-cased tokens that hold a letter or a number (Unicode L or N); docs/design.md 5.8."""
    pieces = splitter(language, segmenter)(text.lower())
    # str.isalnum is true of exactly the characters of L and N: most tokens need no regex
    return [piece for piece in pieces if piece.isalnum() or _HOLDS_WORD(piece)]


def numbered(tokens: Sequence[str]) -> Numbered:
    """Each of N tokens as its place among the K distinct ones, (N,), and these, as first seen."""
    places = Places()
    # one string a word, however many texts hold it: they are most of what a text leaves in memory
    return places.of(tokens), list(map(sys.intern, places))


class Places(dict[str, int]):
    """Token -> place in order of first sight, over as many texts as go through it."""

    def of(self, tokens: Sequence[str]) -> CodeArray:
        """The places of N tokens, (N,)."""
        return np.fromiter(map(self.__getitem__, tokens), np.int32, len(tokens))

    def __missing__(self, token: str) -> int:
        self[token] = place = len(self)
        return place


@cache
def splitter(language: Language, segmenter: Segmenter) -> Callable[[str], list[str]]:
    """What cuts a text into pieces: the word regex, or a segmenter as it comes, HMM on."""
    if language == "en":
        return _WORD.findall
    if segmenter == "jieba":
        return jieba_cut()
    try:
        import rjieba
    except ImportError:
        raise MissingExtra("--tokenizer rjieba", "fast") from None
    cut: Callable[[str], list[str]] = rjieba.cut
    return cut


def tokenizer_facts(segmenter: Segmenter) -> dict[str, str]:
    """Name, version and settings, as a result that depends on them must say."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        found = version(segmenter)
    except PackageNotFoundError:
        raise MissingExtra(f"--tokenizer {segmenter}", "fast") from None
    return {"zh": f"{segmenter} {found}, default dictionary, HMM on", "en": ENGLISH_WORD}
