"""The units of a text by the words of their definition, for tests to compare with."""

from __future__ import annotations

import unicodedata


def plain(text: str) -> list[str]:
    """Wide letters, and other letters and numbers in a row, as strings."""
    found: list[str] = []
    word = ""
    for char in unicodedata.normalize("NFKC", text).lower():
        category = unicodedata.category(char)
        if category[0] == "M" or category == "Cf":
            continue
        wide = unicodedata.east_asian_width(char) == "W"
        if category[0] in "LN" and not wide:
            word += char
            continue
        found += [word] if word else []
        word = ""
        if category[0] in "LN":
            found.append(char)
    return [*found, word] if word else found


def runs(text: str, n: int) -> set[tuple[str, ...]]:
    """The distinct runs of n units."""
    own = plain(text)
    return {tuple(own[i : i + n]) for i in range(len(own) - n + 1)}
