"""Unicode normal forms, in a time that grows with the text and no faster."""

from __future__ import annotations

import unicodedata
from typing import Literal

# unicodedata sorts a run of combining marks in quadratic time: a text made of nothing else would
# stop a run for minutes. What would join across two pieces stays apart; no label is made of it.
_PIECE = 256


def normal(form: Literal["NFKC", "NFKD"], text: str) -> str:
    """`unicodedata.normalize`, piece by piece."""
    if text.isascii():
        return text
    pieces = (text[i : i + _PIECE] for i in range(0, len(text), _PIECE))
    return "".join([unicodedata.normalize(form, piece) for piece in pieces])
