"""The reader of WritingPreferenceBench records: rows -> pairs, and every bad row at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from harness.data.fields import (
    Bad,
    BadRows,
    check_keys,
    identifier,
    number,
    object_of,
    optional_text,
    settle,
    text,
)
from harness.data.rows import Row, json_type, parse_rows
from harness.records import Language, Pair, Side, short_id

_ROW_KEYS = ("prompt", "prompt_id", "tag", "chosen", "rejected")
# token counts and word_len belong to the format but are not trusted: those of replaced prompts
# stayed (the published Chinese file), so nothing here reads them
_SIDE_KEYS = ("response", "score", "model", "completion_tokens", "prompt_tokens", "word_len")


@dataclass(frozen=True, slots=True)
class Records:
    """What a file holds: good pairs, one message for each bad row, its number of rows, and
    the keys that are no part of the format, with how often they stood there."""

    pairs: tuple[Pair, ...]
    bad: tuple[str, ...]
    rows: int
    extra: dict[str, int]


def read_pairs(
    content: bytes,
    *,
    name: str,
    language: Language,
    genre_of: Callable[[str], str],
    bad_rows: BadRows = "refuse",
) -> Records:
    """The pairs of a file in the official format, a JSON list or JSONL.

    `name` stands in messages; `genre_of` maps a tag to its genre. Raises DataError for a file
    that cannot be read as rows, for bad rows unless `bad_rows` is "drop", and where none is
    good.
    """
    return pairs_of_rows(
        parse_rows(content, name),
        name=name,
        language=language,
        genre_of=genre_of,
        bad_rows=bad_rows,
    )


def pairs_of_rows(
    rows: Sequence[Row],
    *,
    name: str,
    language: Language,
    genre_of: Callable[[str], str],
    bad_rows: BadRows,
) -> Records:
    """As `read_pairs`, for rows that are parsed already."""
    pairs: list[Pair] = []
    bad: list[Bad] = []
    seen: Counter[str] = Counter()
    extra: Counter[str] = Counter()
    for row in rows:
        problems: list[str] = []
        parts = _check_row(row, problems, extra)
        if parts is None or problems:
            bad.append((row.place, problems))
            continue
        prompt, prompt_id, tag, chosen, rejected = parts
        same = short_id(language, prompt_id, chosen.response, rejected.response)
        seen[same] += 1
        pair_id = same if seen[same] == 1 else f"{same}-{seen[same]}"
        genre = genre_of(tag)
        pairs.append(
            Pair(pair_id, prompt_id, prompt, tag, genre, language, chosen, rejected, row.number)
        )
    messages = settle(name, bad, rows=len(rows), good=len(pairs), bad_rows=bad_rows)
    return Records(tuple(pairs), messages, len(rows), dict(extra))


def _check_row(
    row: Row, problems: list[str], extra: Counter[str]
) -> tuple[str, str, str, Side, Side] | None:
    """The parts of a pair; what is wrong goes to `problems`, unknown keys to `extra`."""
    found = object_of(row, problems)
    if found is None:
        return None
    check_keys(found, _ROW_KEYS, problems, extra)
    prompt = text(found, "prompt", problems)
    prompt_id = identifier(found, "prompt_id", problems)
    tag = text(found, "tag", problems)
    chosen = _side(found, "chosen", problems, extra)
    rejected = _side(found, "rejected", problems, extra)
    if prompt is None or prompt_id is None or tag is None or chosen is None or rejected is None:
        return None
    if chosen.response == rejected.response:
        problems.append("field rejected.response: the same text as chosen.response")
    return prompt, prompt_id, tag, chosen, rejected


def _side(row: dict[str, Any], name: str, problems: list[str], extra: Counter[str]) -> Side | None:
    if name not in row:
        problems.append(f"field {name}: missing")
        return None
    found = row[name]
    if not isinstance(found, dict):
        problems.append(f"field {name}: must be an object, not {json_type(found)}")
        return None
    prefix = f"{name}."
    check_keys(found, _SIDE_KEYS, problems, extra, prefix)
    response = text(found, "response", problems, prefix)
    if response is not None and not response.strip():
        problems.append(f"field {prefix}response: empty")
        response = None
    score = number(found, "score", problems, prefix)
    model = optional_text(found, "model", problems, prefix)
    if response is None:
        return None
    return Side(response, score, model if model and model.strip() else None)
