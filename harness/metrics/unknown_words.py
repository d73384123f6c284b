"""jieba with its tagging of unknown words in time that grows with their length alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Logs = Mapping[str, float]
Tagger = Callable[..., tuple[float, list[str]]]

_NEVER = -3.14e100  # jieba's log of what was not seen
_PLACE = {"B": 0, "M": 1, "E": 2, "S": 3}


def jieba_cut() -> Callable[[str], list[str]]:
    """jieba.lcut with the default dictionary and HMM, and `tagger` in the place of its own.

    Only while it cuts: whoever else uses jieba in this process finds it as it is.
    """
    import logging

    import jieba
    from jieba import finalseg as model

    # it reports the loading of its dictionary on stderr
    jieba.setLogLevel(logging.WARNING)
    ours = tagger(model.start_P, model.trans_P, model.emit_P)

    def cut(text: str) -> list[str]:
        theirs, model.viterbi = model.viterbi, ours
        try:
            return jieba.lcut(text)  # type: ignore[no-any-return]
        finally:
            model.viterbi = theirs

    return cut


def tagger(start: Logs, trans: Mapping[str, Logs], emit: Mapping[str, Logs]) -> Tagger:
    """A function from N characters to the log of their likeliest tags, and these.

    A tag is B, M, E or S: begin, middle, end of a word, or a word alone. To the bit what
    jieba.finalseg.viterbi returns, ties included, with pointers back where that one copies every
    path at every character: 100,000 unknown ones in a row take it half a minute.
    """
    e_to_b, s_to_b = (trans[tag].get("B", _NEVER) for tag in "ES")
    b_to_m, m_to_m = (trans[tag].get("M", _NEVER) for tag in "BM")
    b_to_e, m_to_e = (trans[tag].get("E", _NEVER) for tag in "BM")
    e_to_s, s_to_s = (trans[tag].get("S", _NEVER) for tag in "ES")
    seen = _Seen(emit)

    def viterbi(characters: str, *_model: Any) -> tuple[float, list[str]]:
        b, m, e, s = (
            start[tag] + log for tag, log in zip("BMES", seen[characters[0]], strict=True)
        )
        pointers = []
        for character in characters[1:]:
            as_b, as_m, as_e, as_s = seen[character]
            # jieba's order of adding, and of two alike the later letter
            from_e, from_s = e + e_to_b + as_b, s + s_to_b + as_b
            new_b, to_b = (from_s, "S") if from_s >= from_e else (from_e, "E")
            from_b, from_m = b + b_to_m + as_m, m + m_to_m + as_m
            new_m, to_m = (from_m, "M") if from_m >= from_b else (from_b, "B")
            from_b, from_m = b + b_to_e + as_e, m + m_to_e + as_e
            new_e, to_e = (from_m, "M") if from_m >= from_b else (from_b, "B")
            from_e, from_s = e + e_to_s + as_s, s + s_to_s + as_s
            s, to_s = (from_s, "S") if from_s >= from_e else (from_e, "E")
            b, m, e = new_b, new_m, new_e
            pointers.append((to_b, to_m, to_e, to_s))
        tag = "S" if s >= e else "E"
        tags = [tag]
        for pointer in reversed(pointers):
            tag = pointer[_PLACE[tag]]
            tags.append(tag)
        tags.reverse()
        return max(e, s), tags

    return viterbi


class _Seen(dict[str, tuple[float, ...]]):
    """Character -> the logs of seeing it as B, M, E and S, looked up once."""

    def __init__(self, emit: Mapping[str, Logs]) -> None:
        super().__init__()
        self._emit = emit

    def __missing__(self, character: str) -> tuple[float, ...]:
        self[character] = logs = tuple(self._emit[tag].get(character, _NEVER) for tag in "BMES")
        return logs
