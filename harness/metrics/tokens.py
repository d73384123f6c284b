"""Words of a text for lexical diversity: jieba or rjieba for Chinese, a word regex for English."""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from typing import Any, Literal

from harness.errors import MissingExtra
from harness.records import Language

Segmenter = Literal["jieba", "rjieba"]

ENGLISH_WORD = r"[^\W_]+(?:['’-][^\W_]+)*"
_WORD = re.compile(ENGLISH_WORD)


def tokenize(text: str, language: Language, segmenter: Segmenter = "jieba") -> list[str]:
    """Lower-cased tokens that hold a letter or a number (Unicode L or N); docs/design.md 5.8."""
    if language == "en":
        return _WORD.findall(text.lower())
    return [token for token in _cut(segmenter)(text.lower()) if _holds_word(token)]


def _holds_word(token: str) -> bool:
    return any(unicodedata.category(character)[0] in "LN" for character in token)


@cache
def _cut(segmenter: Segmenter) -> Any:
    """The segmenter's cut function: default dictionary, HMM on."""
    if segmenter == "rjieba":
        try:
            import rjieba
        except ImportError:
            raise MissingExtra("--tokenizer rjieba", "fast") from None
        return rjieba.cut
    import logging

    import jieba

    # it reports the loading of its dictionary on stderr
    jieba.setLogLevel(logging.WARNING)
    return jieba.cut


def tokenizer_facts(segmenter: Segmenter) -> dict[str, str]:
    """Name, version and settings, as a result that depends on them must say."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        found = version(segmenter)
    except PackageNotFoundError:
        raise MissingExtra(f"--tokenizer {segmenter}", "fast") from None
    return {"zh": f"{segmenter} {found}, default dictionary, HMM on", "en": ENGLISH_WORD}
