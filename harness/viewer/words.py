"""How the viewer writes verdicts, numbers and names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from harness.records import ArenaVerdict, Rating, Verdict
from harness.reports.text import interval, percent, plain
from harness.viewer.items import MARKS, Answer, Facts, Fold

_TITLE = 60  # characters of a prompt in the list of items
_START = 500  # of them looked at: a prompt may be a book


def title_of(prompt: str) -> str:
    """The beginning of a prompt on one line."""
    text = plain(prompt[:_START])
    return text if len(text) <= _TITLE else text[: _TITLE - 1] + "…"


def number(value: float | None) -> str:
    """A number in at most six digits: 1203, 0.4125, -12.3."""
    if value is None:
        return "-"
    return f"{value:,}" if isinstance(value, int) else f"{value:.6g}"


def said(*facts: tuple[str, float | str | None]) -> Facts:
    """Names with their values, those without a value left out."""
    return tuple(
        (name, value if isinstance(value, str) else number(value))
        for name, value in facts
        if value is not None
    )


def answer_of(verdict: Verdict | ArenaVerdict, shown: str, *, repeats: bool) -> Answer:
    """A verdict; `shown` says which text stood first."""
    head = [shown, f"repeat {verdict.repeat + 1}" if repeats else ""]
    return Answer(
        " · ".join(filter(None, head)),
        MARKS[verdict.outcome],
        (
            *said(("margin", None if verdict.margin is None else f"{verdict.margin:+.6g}")),
            *_call(verdict),
            *((("truncated", "yes"),) if verdict.truncated else ()),
        ),
        _folds(verdict),
    )


def rating_of(rating: Rating, *, title: str, repeats: bool) -> Answer:
    """A judge's rating of one text."""
    head = f"{title}rating" + (f" · repeat {rating.repeat + 1}" if repeats else "")
    mark = "" if rating.status == "ok" else MARKS[rating.status]
    return Answer(head, mark, (*said(("score", rating.score)), *_call(rating)), _folds(rating))


def _call(record: Verdict | ArenaVerdict | Rating) -> Facts:
    """What a call came to."""
    return said(
        ("tokens in", record.tokens_in or None),  # a rule reads none
        ("tokens out", record.tokens_out),
        ("tokens of reasoning", record.tokens_reasoning),
        ("ended by", record.finish_reason),
        ("attempt", record.attempt if record.attempt > 1 else None),
    )


def _folds(record: Verdict | ArenaVerdict | Rating) -> tuple[Fold, ...]:
    named = (("why", record.reason), ("reasoning", record.reasoning), ("answer", record.raw))
    return tuple(Fold(name, text, open=name == "why") for name, text in named if text)


def standing(outcomes: Sequence[str]) -> str:
    """What several verdicts on one item come to: one outcome, `mixed`, or `no verdict`."""
    valid = {outcome for outcome in outcomes if outcome not in ("unparsed", "error")}
    return next(iter(valid)) if len(valid) == 1 else "mixed" if valid else "no verdict"


def across_orders(verdicts: Sequence[Verdict] | Sequence[ArenaVerdict]) -> tuple[str, ...]:
    """Whether both orders gave the same outcome; nothing where no valid two can be compared."""
    valid: dict[tuple[int, str | None], dict[str, str]] = {}
    for one in verdicts:
        if one.order is not None and one.outcome not in ("unparsed", "error"):
            who = one.annotator if isinstance(one, ArenaVerdict) else None
            valid.setdefault((one.repeat, who), {})[one.order] = one.outcome
    both = [set(found.values()) for found in valid.values() if len(found) > 1]
    if not both:
        return ()
    return ("flips with the order",) if any(len(one) > 1 for one in both) else ("same",)


def failures(verdicts: Sequence[Verdict] | Sequence[ArenaVerdict]) -> tuple[str, ...]:
    """Which kinds of failure stand among verdicts."""
    found = {one.outcome for one in verdicts if one.outcome in ("unparsed", "error")}
    return tuple(sorted(found)) + (("truncated",) if any(v.truncated for v in verdicts) else ())


def head_facts(runs: Sequence[tuple[str, dict[str, Any]]]) -> Facts:
    """What stands at the head of a page about runs of one task, each by its name."""
    first = runs[0][1]
    shared = (("task", str(first.get("task"))), ("data", plain(str(first["data"]["file"]))))
    return (*shared, *((plain(name), _headline(results)) for name, results in runs))


def _headline(results: Mapping[str, Any]) -> str:
    """A run in half a line: its judge, and its first number."""
    metrics, judge = results["metrics"], results.get("judge")
    told = [f"judge {plain(str(judge['name']))}"] if judge else []
    if "accuracy" in metrics:
        told.append(f"{percent(metrics['accuracy'])} % right {interval(metrics.get('ci95'))}")
    if metrics.get("chars") is not None:
        told.append(f"{round(metrics['chars']):,} characters a text")
    return ", ".join(told)
