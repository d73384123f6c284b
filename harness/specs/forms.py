"""How labels are compared: Unicode normal forms, and where a label may stand."""

from __future__ import annotations

import re
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


def standing_free(label: str) -> str:
    """A pattern of a label: where it begins or ends with an ASCII letter or digit no other may
    stand beside it, so that "A" is not found in "Answer"."""
    word = "[A-Za-z0-9]"
    before = f"(?<!{word})" if re.match(word, label[0]) else ""
    after = f"(?!{word})" if re.match(word, label[-1]) else ""
    return before + re.escape(label) + after
