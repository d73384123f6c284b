"""What the calls of a run came to: tokens, answers that stand, and why others do not."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import msgspec

from harness.stored.files import SCORES, TEXTS, VERDICTS, decoded

_TOO_MANY = 1 << 40  # tokens in one answer: a server that says so has counted nothing
_TRIES = re.compile(r" \(\d+ tries\)")
_NUMBERED = re.compile(r"\b[0-9a-f-]*\d{4,}[0-9a-f-]*\b")  # ids of requests, times


class _Spent(msgspec.Struct, gc=False):
    tokens_in: int | None = None
    tokens_out: int | None = None
    tokens_reasoning: int | None = None
    status: str | None = None  # stands in ratings alone


@dataclass(frozen=True, slots=True)
class Usage:
    """What a chat model's run took: lines on disk, one call each at least, and their tokens."""

    lines: int
    tokens: dict[str, int | None]


def usage(folder: Path) -> Usage:
    """Tokens of all answers of a chat model's run, those of retried calls included.

    A sum is null where no answer was counted. Ratings are counted in scores.jsonl, verdicts
    made of them are not counted again.
    """
    lines = list(decoded(folder / SCORES, _Spent))
    if not any(line.status for line in lines):
        lines = [line for name in (VERDICTS, TEXTS) for line in decoded(folder / name, _Spent)]
    found: dict[str, int | None] = {}
    for name in ("tokens_in", "tokens_out", "tokens_reasoning"):
        said = [n for line in lines if (n := getattr(line, name)) is not None]
        counted = [n for n in said if 0 <= n < _TOO_MANY]
        found[name] = sum(counted) if counted else None
    return Usage(len(lines), found)


class _Standing(msgspec.Struct, gc=False):
    id: str | None = None  # of a rating
    pair_id: str | None = None  # of a verdict
    prompt_id: str | None = None  # of a text
    order: str | None = None
    repeat: int = 0
    status: str | None = None
    outcome: str | None = None
    error: str | None = None


def answered(folder: Path) -> int:
    """Calls of a chat model's run that are not made again: whose last line is no error."""
    files = (name for name in (SCORES, VERDICTS, TEXTS) if (folder / name).is_file())
    last: dict[tuple[str | None, str | None, int], bool] = {}
    for line in decoded(folder / next(files, VERDICTS), _Standing):
        key = line.id or line.pair_id or line.prompt_id, line.order, line.repeat
        last[key] = line.error is None and "error" not in (line.status, line.outcome)
    return sum(last.values())


class _Failed(msgspec.Struct, gc=False):
    outcome: str
    pair_id: str | None
    order: str | None
    repeat: int
    reason: str | None


class _Unwritten(msgspec.Struct, gc=False):
    prompt_id: str
    repeat: int
    error: str | None


def unwritten(folder: Path) -> Counter[str]:
    """How often each reason for a missing text stands in texts.jsonl; the last lines count."""
    last = {(line.prompt_id, line.repeat): line for line in decoded(folder / TEXTS, _Unwritten)}
    return Counter(_plain(line.error) for line in last.values() if line.error is not None)


def _plain(why: str) -> str:
    """A reason without what differs from call to call."""
    return _NUMBERED.sub("…", _TRIES.sub("", why))


def reasons(folder: Path) -> dict[str, Counter[str]]:
    """How often each reason stands in verdicts.jsonl, by `error` and `unparsed`.

    The last line of a (pair_id, order, repeat) counts. How often a call was tried and numbers
    that a server gave it are left out, so that the same trouble is counted as such.
    """
    last: dict[tuple[str | None, str | None, int], _Failed | None] = {}
    for line in decoded(folder / VERDICTS, _Failed):
        failed = line.outcome in ("error", "unparsed")
        last[line.pair_id, line.order, line.repeat] = line if failed else None
    found: dict[str, Counter[str]] = {"error": Counter(), "unparsed": Counter()}
    for line in filter(None, last.values()):
        found[line.outcome][_plain(line.reason or "no reason given")] += 1
    return found
