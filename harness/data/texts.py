"""Texts written elsewhere: rows of `prompt_id, response` and more -> the texts of each model."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.data.fetch import read_file
from harness.data.fields import (
    Bad,
    BadRows,
    check_keys,
    identifier,
    ignored,
    number,
    object_of,
    optional_text,
    settle,
    text,
)
from harness.data.rows import Row, parse_rows
from harness.errors import UsageError
from harness.records import canonical

_COUNTS = ("n_tokens", "completion_tokens")  # two names of one thing: the first that is there
_KEYS = ("prompt_id", "model", "response", "score", "finish_reason", *_COUNTS)


@dataclass(frozen=True, slots=True)
class WrittenText:
    """One text, kept as it stands; an empty one is a text, too. `score` is people's, `n_tokens`
    its length in the tokens of whoever wrote it; null where nobody said."""

    response: str
    score: float | None
    finish_reason: str | None
    n_tokens: int | None


@dataclass(frozen=True, slots=True)
class TextSource:
    """The texts of one model: by prompt_id, several for one prompt in the order of the file.

    `sha256` is of these rows sorted by prompt_id, so that it moves neither with the order of
    different prompts nor with other models' rows beside them.
    """

    name: str
    rows: Mapping[str, tuple[WrittenText, ...]]
    sha256: str


@dataclass(frozen=True, slots=True)
class TextRows:
    """What a file of texts holds: its models in order of appearance, one message for each bad row
    left out, a sentence for whatever else is odd, and its number of rows, bad ones too."""

    sources: tuple[TextSource, ...]
    dropped: tuple[str, ...]
    notices: tuple[str, ...]
    rows: int


@dataclass(frozen=True, slots=True)
class _Row:
    prompt_id: str
    model: str | None
    text: WrittenText


def read_texts(path: Path, *, bad_rows: BadRows = "refuse") -> TextRows:
    """The texts of a JSON list or JSONL of `prompt_id`, `response` and, where known, `model`,
    `score`, `finish_reason` and `n_tokens` (or `completion_tokens`).

    Every row names its model, or none does and the file's stem is the name of the one model.
    Raises UsageError where there is no such file; DataError for a file that cannot be read as
    rows, for bad rows (all in one message) unless `bad_rows` is "drop", and where none is good.
    """
    if not path.is_file():
        raise UsageError(f"texts:{path}: {'a directory' if path.is_dir() else 'no such file'}")
    rows = parse_rows(read_file(path), str(path))
    extra: Counter[str] = Counter()
    checked = [_check_row(row, extra) for row in rows]
    named = any(found is not None and found.model is not None for found, _ in checked)
    good: list[_Row] = []
    bad: list[Bad] = []
    for row, (found, problems) in zip(rows, checked, strict=True):
        if named and found is not None and found.model is None and not problems:
            problems.append("field model: missing, while other rows have it")
        if found is None or problems:
            bad.append((row.place, problems))
        else:
            good.append(found)
    dropped = settle(str(path), bad, rows=len(rows), good=len(good), bad_rows=bad_rows)
    return TextRows(_sources(good, path.stem), dropped, tuple(ignored(extra)), len(rows))


def _check_row(row: Row, extra: Counter[str]) -> tuple[_Row | None, list[str]]:
    """What stands in a row, as far as it can be told, and all that is wrong with it."""
    problems: list[str] = []
    found = object_of(row, problems)
    if found is None:
        return None, problems
    check_keys(found, _KEYS, problems, extra)
    prompt_id = identifier(found, "prompt_id", problems)
    response = text(found, "response", problems)
    model = None if found.get("model") is None else identifier(found, "model", problems)
    score = number(found, "score", problems)
    finish_reason = optional_text(found, "finish_reason", problems)
    n_tokens = _count(found, problems)
    if prompt_id is None or response is None:
        return None, problems
    return _Row(prompt_id, model, WrittenText(response, score, finish_reason, n_tokens)), problems


def _count(found: dict[str, Any], problems: list[str]) -> int | None:
    """A whole number of tokens; 27.0 is one, because tables with gaps are written so."""
    key = next((key for key in _COUNTS if found.get(key) is not None), _COUNTS[0])
    value = number(found, key, problems)
    if value is None:
        return None
    if value < 0 or value != int(value):
        problems.append(f"field {key}: must be a whole number from 0 up, not {found[key]}")
        return None
    return int(value)


def _sources(rows: list[_Row], stem: str) -> tuple[TextSource, ...]:
    texts: dict[str, dict[str, list[WrittenText]]] = {}
    for row in rows:
        of_model = texts.setdefault(row.model or stem, {})
        of_model.setdefault(row.prompt_id, []).append(row.text)
    return tuple(
        _source(name, {prompt_id: tuple(own) for prompt_id, own in by_prompt.items()})
        for name, by_prompt in texts.items()
    )


def _source(name: str, rows: Mapping[str, tuple[WrittenText, ...]]) -> TextSource:
    total = hashlib.sha256()
    for prompt_id in sorted(rows):
        for one in rows[prompt_id]:
            line = [prompt_id, one.response, one.score, one.finish_reason, one.n_tokens]
            total.update(canonical(line).encode() + b"\n")
    return TextSource(name, rows, total.hexdigest())
