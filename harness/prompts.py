"""Fills a judge's templates, and breaks what a text must not say in them."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain

from harness.errors import UsageError
from harness.reasoning import TAGS
from harness.records import Language, Message
from harness.specs import Judge, PairwiseJudge
from harness.specs.forms import normal, standing_free
from harness.specs.templates import render

# What ends a turn or a thought in one chat template or another, whatever the model is: a server
# does not say what its tokenizer takes for a special token.
_SPECIAL = (
    *chain.from_iterable(TAGS), "<s>", "</s>", "<bos>", "<eos>", "[INST]", "[/INST]",
    "[SYSTEM_PROMPT]", "[/SYSTEM_PROMPT]", "<<SYS>>", "<</SYS>>", "<start_of_turn>",
    "<end_of_turn>", "[gMASK]", "<sop>", "<eop>",
)  # fmt: skip
_BARS = r"<\|[^|<>\s]{1,40}\|>"  # <|im_end|> and its kin; full-width bars are folded to these
# What nobody sees (Unicode's Default_Ignorable_Code_Point): zero-width marks, variation selectors.
_UNSEEN = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e"
    "\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U000e0000-\U000e0fff]"
)

# Whose words a prompt is, by the sha256 of its system message, or of its user message where it
# has no system message (with the authors' own names for what is filled in).
_PUBLISHED = {
    "e0bf09a87f19837abf172278c348e8fc6ed36034f4f39b98191910533c3df3ed": (
        "RM-R1 instruct system prompt, RM-R1-UIUC/RM-R1"
    ),
    "2a0d3caf562d59367bbbefb29c400438e0312def4fbb73fb2e70be8661ddd770": (
        "RM-R1 prompt for distilled models, RM-R1-UIUC/RM-R1"
    ),
}
_THEIR_NAMES = {"prompt": "{question}", "text_a": "{answer_a}", "text_b": "{answer_b}"}


@dataclass(frozen=True, slots=True)
class Filled:
    """A prompt ready to be sent; `neutralised` counts what was broken in its values."""

    messages: tuple[Message, ...]
    neutralised: int


def fill(
    judge: Judge, language: Language, values: Mapping[str, str], reserved: Sequence[str] = ()
) -> Filled:
    """The messages of a judge for these values; `reserved` are a tokenizer's special tokens.

    Values go in as they are, never rendered again, but for what `neutralise` breaks in them.
    Raises UsageError where the judge has no prompt in the language, or its template cannot take
    these values.
    """
    if language not in judge.prompts:
        raise UsageError(
            f"judge {judge.name} has no prompt in {language!r} (it has: {', '.join(judge.prompts)})"
        )
    guards = _guards(judge, reserved)
    safe, count = {"language": str(language)}, 0
    for name, value in values.items():
        safe[name], broken = neutralise(value, guards)
        count += broken
    return Filled(_messages(judge, language, safe), count)


@lru_cache(maxsize=64)  # a text is shown again in the other order, and to each repeat
def neutralise(text: str, guards: re.Pattern[str]) -> tuple[str, int]:
    """A text in which `guards` finds nothing any more, and how often something was broken.

    What is found gets a space after its first character, so that a reader still sees what stood
    there; a single character that stands for all of it, as U+2474 for "(1)", is written out for
    that. It is looked for under NFKC and case folding, character by character (full-width forms
    too), and through characters that nobody sees. All else of the text comes back as it is.
    """
    count = 0
    while guards.search(_form(text)):
        found = [match.span() for match in guards.finditer(_folded(text))]
        if not found:
            break
        count += len(found)
        text = _broken(text, found)
    return text, count


def published_prompt(judge: Judge, language: Language) -> str | None:
    """Whose published prompt a judge file holds, recognised by its sha256; None for all others.

    A last line break more or less does not matter.
    """
    prompt = judge.prompts[language]
    values = {"text": "", "genre": "", "language": language, **_THEIR_NAMES}
    try:
        said = render(prompt.user if prompt.system is None else prompt.system, values)
    except ValueError:  # a template that is particular about its values
        return None
    for form in (said, said.strip(), said.strip() + "\n"):
        name = _PUBLISHED.get(hashlib.sha256(form.encode()).hexdigest())
        if name is not None:
            return name
    return None


def _messages(judge: Judge, language: Language, values: Mapping[str, str]) -> tuple[Message, ...]:
    prompt = judge.prompts[language]
    try:
        user = Message("user", render(prompt.user, values))
        if prompt.system is None:
            return (user,)
        return Message("system", render(prompt.system, values)), user
    except ValueError as error:
        raise UsageError(
            f"judge {judge.name}, field prompts.{language}: cannot be filled: {error}"
        ) from None


def _guards(judge: Judge, reserved: Sequence[str]) -> re.Pattern[str]:
    """What no value may hold: delimiters, labels, reasoning tags and special tokens."""
    labels: list[str] = []
    if isinstance(judge, PairwiseJudge):
        for given in (judge.verdict, judge.verdict.fallback):
            labels += given.by_name().values() if given is not None else ()
    return _pattern(judge.delimiters, tuple(labels), tuple(reserved))


def _telling(text: str) -> bool:
    """Whether it holds what plain words do not: "A", "1" or "tie" would break every text."""
    return not all(char.isalnum() or char.isspace() for char in text)


@lru_cache(maxsize=16)
def _pattern(
    delimiters: tuple[str, ...], labels: tuple[str, ...], reserved: tuple[str, ...]
) -> re.Pattern[str]:
    """One pattern over folded text, the longest first at one place."""
    tokens = filter(_telling, (*_SPECIAL, *reserved))
    literal = {_form(text).strip(): False for text in (*delimiters, *tokens)}
    literal |= {_form(text): True for text in filter(_telling, labels)}
    parts = [
        standing_free(form) if free else re.escape(form)
        for form, free in sorted(literal.items(), key=lambda item: (-len(item[0]), item[0]))
        if len(form) > 1  # a single character cannot be broken
    ]
    return re.compile("|".join([*parts, _BARS]))


def _broken(text: str, found: Sequence[tuple[int, int]]) -> str:
    """The text with each of these spans of its form broken."""
    places: Sequence[int] = range(len(text))
    if not text.isascii():
        places = [i for i, char in enumerate(text) for _ in _FORMS[ord(char)]]
    pieces, last = [], 0
    for start, end in found:
        first = places[start]
        if first < last:  # within a character that was just written out
            continue
        written = text[first]
        if places[end - 1] == first:
            written = unicodedata.normalize("NFKC", written)
        pieces += [text[last:first], written[0], " ", written[1:]]
        last = first + 1
    return "".join([*pieces, text[last:]])


def _form(text: str) -> str:
    """The text as labels are compared: compatibility forms, case folded, the unseen left out.

    Decomposed (NFKD), so that it makes no difference how an accent is written.
    """
    if text.isascii():
        return text.lower()
    return normal("NFKD", normal("NFKD", _UNSEEN.sub("", text)).casefold())


def _folded(text: str) -> str:
    """The same, made of each character's own form, so that it is known where each came from."""
    return text.lower() if text.isascii() else text.translate(_FORMS)


class _Forms(dict[int, str]):
    """Code point -> its form, made when it is first met."""

    def __missing__(self, point: int) -> str:
        self[point] = _form(chr(point))
        return self[point]


_FORMS = _Forms()
