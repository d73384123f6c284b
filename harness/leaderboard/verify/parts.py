"""The parts of a submission: their sums, and every line of them against its record."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import msgspec

from harness.errors import DataError
from harness.leaderboard.archive import META, short
from harness.leaderboard.entries import Submission, at, strict_json
from harness.leaderboard.verify.findings import Finding
from harness.records import ArenaVerdict, Measures, PairFacts, Prompt, Rating, Score, Text, Verdict
from harness.stored import MEASURES, PAIRS, PROMPTS, SCORES, TEXTS, VERDICTS

_RECORDS: dict[str, type] = {
    PAIRS: PairFacts,
    VERDICTS: Verdict,
    PROMPTS: Prompt,
    TEXTS: Text,
    MEASURES: Measures,
}
_LONG = {"raw", "reasoning", "reason", "text", "prompt", "error"}  # all else is a name or an id
_NAME = 1000  # characters
_WHOLE = 2**53  # a count beyond this is none


def check_sums(submission: Submission) -> Iterator[Finding]:
    """Every member against submission.json."""
    parts = submission.meta.parts
    there = submission.archive.sizes.keys() - {META}
    for name in sorted(parts.keys() - there):
        yield Finding("checksum", f"{META} names a part that is not there: {short(name)}", META)
    for name in sorted(there):
        if name not in parts:
            yield Finding("checksum", f"{META} has no sum for it", name)
            continue
        digest, size = hashlib.sha256(), 0
        try:
            for chunk in submission.archive.chunks(name):
                digest.update(chunk)
                size += len(chunk)
        except DataError:
            continue  # told by check_lines
        if (digest.hexdigest(), size) != (parts[name].sha256, parts[name].bytes):
            yield Finding("checksum", f"not the bytes whose sum stands in {META}", name)


def check_lines(submission: Submission) -> Iterator[Finding]:
    """Every line of every part: strict JSON with exactly the keys of its record, their types,
    whole numbers below 2**53 and names of at most 1,000 characters."""
    for part in sorted(submission.archive.sizes):
        if not part.endswith(".jsonl"):
            continue
        record = record_of(submission, part)
        try:
            for number, line in enumerate(submission.lines(part), 1):
                for problem in _problems(line, part, record, submission.kind == "arena"):
                    yield Finding("schema", problem, part, number)
        except DataError as error:
            yield Finding("archive", str(error), part)


def record_of(submission: Submission, part: str) -> type:
    """What a line of a part is."""
    if part == SCORES:
        rated = at(submission.manifest, "judge", "spec", "kind") == "pointwise"
        return Rating if rated else Score
    return ArenaVerdict if submission.kind == "arena" and part == VERDICTS else _RECORDS[part]


def _problems(line: bytes, part: str, record: type, arena: bool) -> Iterator[str]:
    if not line.endswith(b"\n"):
        yield "the last line is torn"
    try:
        value = strict_json(line, "the line")
    except DataError as error:
        yield str(error)
        return
    if not isinstance(value, dict):
        yield "not a JSON object"
        return
    keys = {*record.__slots__, *(("run",) if arena and part == MEASURES else ())}  # type: ignore[attr-defined]
    if lost := sorted(keys - value.keys()):
        yield f"without {', '.join(lost)}"
    if odd := sorted(value.keys() - keys):
        yield f"with {', '.join(map(short, odd[:5]))}, which a line of {part} does not have"
    big = [key for key, one in value.items() if _too_big(key, one)]
    if big:
        yield f"{', '.join(map(short, big[:5]))}: too long, or too large a number"
    elif not lost:
        try:
            msgspec.convert(value, record)
        except msgspec.ValidationError as error:
            yield str(error)[:200]


def _too_big(key: str, value: Any) -> bool:
    if isinstance(value, str):
        return key not in _LONG and len(value) > _NAME
    return isinstance(value, int) and abs(value) > _WHOLE
