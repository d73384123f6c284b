"""The reader of WritingPreferenceBench records: rows -> pairs, and every bad row at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from harness.data.fields import (
    BadRows,
    Tally,
    check_keys,
    identifier,
    number,
    object_of,
    optional_text,
    settle,
    text,
)
from harness.data.kept import KeptPairs
from harness.data.rows import Row, json_type, parse_rows
from harness.records import Language, Pair, Side, short_id

_ROW_KEYS = ("prompt", "prompt_id", "tag", "chosen", "rejected")
# token counts and word_len belong to the format but are not trusted: those of replaced prompts
# stayed (the published Chinese file), so nothing here reads them
_SIDE_KEYS = ("response", "score", "model", "completion_tokens", "prompt_tokens", "word_len")


@dataclass(frozen=True, slots=True)
class Records:
    """What a file holds: good pairs, a message for each of the first bad rows and the number of
    all bad ones, its number of rows, and the keys that are no part of the format, with how often
    they stood there."""

    pairs: Sequence[Pair]
    bad: tuple[str, ...]
    bad_rows: int
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
    check = RowCheck(language, genre_of)
    seen: Counter[str] = Counter()
    pairs: list[Pair] = []
    for row in rows:
        pair = check.pair(row)
        if pair is not None:
            seen[pair.pair_id] += 1
            again = numbered(pair.pair_id, seen[pair.pair_id])
            pairs.append(pair if again == pair.pair_id else replace(pair, pair_id=again))
    messages = settle(name, check.bad, rows=len(rows), good=len(pairs), bad_rows=bad_rows)
    return Records(KeptPairs(pairs), messages, check.bad.rows, len(rows), dict(check.extra))


def numbered(pair_id: str, time: int) -> str:
    """The id of a pair that stands in a file for the first, second, ... `time`."""
    return pair_id if time == 1 else f"{pair_id}-{time}"


class RowCheck:
    """Checks rows one by one; `bad` and `extra` have what it found so far."""

    def __init__(self, language: Language, genre_of: Callable[[str], str]) -> None:
        self.bad, self.extra = Tally(), Counter[str]()
        self._language, self._genre_of = language, cache(genre_of)

    def pair(self, row: Row) -> Pair | None:
        """The pair of a good row, its id not numbered yet."""
        problems: list[str] = []
        parts = _check_row(row, problems, self.extra)
        if parts is None or problems:
            self.bad.add(row.place, problems)
            return None
        prompt, prompt_id, tag, chosen, rejected = parts
        return Pair(
            short_id(self._language, prompt_id, chosen.response, rejected.response),
            prompt_id,
            prompt,
            tag,
            self._genre_of(tag),
            self._language,
            chosen,
            rejected,
            row.number,
        )


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
