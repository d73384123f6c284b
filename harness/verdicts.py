"""A judge's answer -> which text it picked, or what it rated; pure (docs/design.md 4.3, 5.9)."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from harness.records import Order, Outcome, Rating
from harness.specs import Labels, LabelVerdict, NumberVerdict, Rule
from harness.specs.forms import normal, standing_free

Mark = Literal["a", "b", "tie"]
TAIL = 80  # characters that `tail_label` looks at, as RM-R1's training reward does
_CUT = ("length", "content_filter")  # finish reasons of an answer that was not ended by its writer


@dataclass(frozen=True, slots=True)
class Pick:
    """What an answer chose; `reason` says why there is no choice."""

    label: Mark | None
    reason: str | None = None


def parse_pick(
    spec: LabelVerdict, answer: str, finish_reason: str | None, rule: Rule | None = None
) -> Pick:
    """The label of an answer, by the rule of its judge file or by `rule`.

    Compared after NFKC, so that full-width labels count; case counts. At one place the longest
    label counts, and one that begins or ends with an ASCII letter or digit must stand free there
    ("A" is not in "Answer"). A label decides even when the answer was cut off after it. The
    fallback labels are for a verdict in a sloppy form: only by `last_label`, only where no main
    label stands, and not in an answer that was cut off, which may merely have mentioned them.
    """
    rule = rule or spec.parser
    text = normal("NFKC", answer)
    found = _labels(text, spec, max(len(text) - TAIL, 0) if rule == "tail_label" else 0)
    fallback = spec.fallback if rule == "last_label" and finish_reason not in _CUT else None
    if not found and fallback is not None:
        found = _labels(text, fallback)
    if not found:
        where = f"label in the last {TAIL} characters" if rule == "tail_label" else "label"
        return Pick(None, _why_nothing(answer, finish_reason, where))
    several = len(found) > 1 if rule == "tail_label" else len(set(found)) > 1
    if several and rule != "last_label":
        return Pick(None, "two labels")
    return Pick(found[-1])


def outcome_of(pick: Pick, order: Order) -> Outcome:
    """The outcome of a choice: in `chosen_first` text a is the one people chose."""
    if pick.label is None:
        return "unparsed"
    if pick.label == "tie":
        return "tie"
    return "chosen" if (pick.label == "a") == (order == "chosen_first") else "rejected"


def outcome_of_margin(margin: float) -> Outcome:
    """The outcome of two numbers, that of the chosen text less that of the rejected one."""
    return "chosen" if margin > 0 else "rejected" if margin < 0 else "tie"


def compare_ratings(chosen: Rating, rejected: Rating) -> tuple[Outcome, float | None, str | None]:
    """Outcome, margin and reason of the verdict that two ratings come to."""
    sides = (("chosen", chosen), ("rejected", rejected))
    reason = "; ".join(f"{name}: {side.reason}" for name, side in sides if side.status != "ok")
    if chosen.score is None or rejected.score is None:
        failed = "error" in (chosen.status, rejected.status)
        return "error" if failed else "unparsed", None, reason
    margin = chosen.score - rejected.score
    return outcome_of_margin(margin), margin, None


def parse_rating(
    spec: NumberVerdict, answer: str, finish_reason: str | None
) -> tuple[float | None, str | None]:
    """(rating, None), or (None, why there is none): the last number of the answer.

    A number is written in digits, full-width ones and "2½" among them; one in a word ("GPT4",
    "2nd") is none. What names the scale is no rating: "3" in "2/3", "2 out of 3", "2分（满分3分）"
    and "3-point", all of "0-3" and "0 to 3", where the scale runs from 0 to 3. No rating is made
    up: a number off the scale is refused, never moved to its end, and so are numbers tied to one
    another ("2-3", "2 or 3", "1,5", and "2/5" where 3 is the highest). Nor is an answer read that
    was cut off: prose is full of numbers.
    """
    if finish_reason in _CUT:
        return None, _why_nothing(answer, finish_reason, "number")
    text = normal("NFKC", _FRACTION.sub(_decimal, answer))
    text = _scale(f"{spec.min:g}", f"{spec.max:g}").sub(" ", text)
    last = ""
    for match in _NUMBER.finditer(text):
        last = match[0]
    if not last:
        return None, _why_nothing(answer, finish_reason, "number")
    if not _ONE.fullmatch(last):
        return None, f"{_short(last)!r} is not one number"
    value = float(last.replace("\u2212", "-"))
    if not spec.min <= value <= spec.max:
        return None, f"{_short(last)} is not from {spec.min:g} to {spec.max:g}"
    return value + 0.0, None  # never minus zero


_DIGITS = r"(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+)"
_ONE = re.compile(rf"[-+\u2212]?{_DIGITS}")
_FREE = r"(?<![A-Za-z0-9_.])"  # no part of a word or of another number
_END = r"(?![0-9]|\.[0-9])"
_TIED = " ?[-,/\u2044~\u301c\u2013\u2014、至到或和与] ?| (?:to|or|and|out of|through) "
_NUMBER = re.compile(
    rf"{_FREE}[-+\u2212]?{_DIGITS}(?:(?:{_TIED}){_DIGITS})*{_END}"
    r"(?!(?!(?:pts?|points?)\b)[A-Za-z]|-point|-level| point scale| ?分制)"
)
# One half and its kin: NFKC would make "1", a fraction slash and "2" of it.
_FRACTION = re.compile("(?:(?<=[0-9０-９]) )?([\u00bc-\u00be\u2150-\u215e])")


@lru_cache(maxsize=8)
def _scale(low: str, high: str) -> re.Pattern[str]:
    """What names a scale: both its ends, or the highest rating as such."""
    low, high = re.escape(low), re.escape(high)
    ends = rf"{_FREE}{low} ?(?:[-~\u301c\u2013\u2014]|to|through|and|至|到|和|与) ?{high}"
    out_of = rf"(?:/|\bout of(?: a (?:possible|maximum))?|\bmax(?:imum)?(?: of|:|\.)?) ?{high}"
    full = rf"(?<=[0-9分]) ?[(,] ?(?:满分|总分|最高|共)[为是:]? ?{high}"
    return re.compile(rf"(?:{ends}|{out_of}|{full}){_END}(?!/)", re.IGNORECASE)


def _decimal(match: re.Match[str]) -> str:
    return f"{unicodedata.numeric(match[1]):.4f}"[1:]


def _short(number: str) -> str:
    return number if len(number) <= 20 else number[:17] + "..."


def _labels(text: str, labels: Labels, start: int = 0) -> list[Mark]:
    """The labels of a text (NFKC) in their order, from `start` on."""
    pattern, marks = _pattern(labels.a, labels.b, labels.tie)
    return [marks[match.group()] for match in pattern.finditer(text, start)]


@lru_cache(maxsize=64)
def _pattern(a: str, b: str, tie: str | None) -> tuple[re.Pattern[str], dict[str, Mark]]:
    """A pattern of the labels, the longest first, and what each stands for."""
    given: tuple[tuple[Mark, str | None], ...] = (("a", a), ("b", b), ("tie", tie))
    marks = {normal("NFKC", label): mark for mark, label in given if label}
    parts = [standing_free(label) for label in sorted(marks, key=len, reverse=True)]
    return re.compile("|".join(parts)), marks


def _why_nothing(answer: str, finish_reason: str | None, what: str) -> str:
    if finish_reason in _CUT:
        return f"cut off before a {what} ({finish_reason})"
    return f"no {what}" if answer.strip() else "empty answer"
