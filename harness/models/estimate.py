"""How many tokens a prompt has, where no tokenizer is at hand to say."""

from __future__ import annotations

import re
from collections.abc import Sequence

from harness.records import Message

# Han, kana, hangul and full-width forms: a token holds one or two of them
_WIDE = re.compile(r"[\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff]")
_NOT_ASCII = re.compile(r"[^\x00-\x7f]")


def estimate_tokens(messages: Sequence[Message]) -> int:
    """An estimate of the tokens of a prompt.

    A quarter of a token for an ASCII character, two thirds for a Chinese, Japanese, Korean or
    full-width one, half a token for any other, and four for each message.
    """
    total = 0.0
    for message in messages:
        others = len(_NOT_ASCII.findall(message.content))
        wide = len(_WIDE.findall(message.content))
        total += 4 + (len(message.content) - others) / 4 + wide * 2 / 3 + (others - wide) / 2
    return round(total)
