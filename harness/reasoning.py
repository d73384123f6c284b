"""Splits what a model thought from what it answered, where both come in one text."""

from __future__ import annotations

# (open, close) of the models that think aloud
TAGS = (
    ("<think>", "</think>"),
    ("<thinking>", "</thinking>"),
    ("<seed:think>", "</seed:think>"),
    ("[THINK]", "[/THINK]"),
)


def split_reasoning(text: str, *, opened: bool = False) -> tuple[str | None, str]:
    """(reasoning or None, answer) of a raw text.

    Reasoning stands at the beginning: an open tag (after white space) begins it, or the prompt
    did (`opened`, or simply a close tag with no open one before it). It runs to the last close
    tag, so that a thought about tags is never taken for an answer; without a close tag all of
    the text is reasoning and the answer is empty. Both parts are stripped where they are parted,
    and a text without reasoning comes back as it is.
    """
    begun = text.lstrip()
    for start, end in TAGS:
        if begun.startswith(start):
            return _part(begun[len(start) :], (end,))
    if opened:
        return _part(text, tuple(end for _, end in TAGS))
    for start, end in TAGS:
        closed = text.find(end)
        if closed >= 0 and start not in text[:closed]:
            return _part(text, (end,))
    return None, text


def _part(text: str, ends: tuple[str, ...]) -> tuple[str | None, str]:
    """The text before and after the last of the close tags."""
    at, end = max((text.rfind(end), end) for end in ends)
    thought, answer = (text, "") if at < 0 else (text[:at], text[at + len(end) :])
    return thought.strip() or None, answer.lstrip()
