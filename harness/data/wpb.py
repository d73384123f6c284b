"""The reader of WritingPreferenceBench records: rows -> pairs, and every bad row at once."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from harness.data.rows import RepeatedKey, Row, json_type, parse_rows
from harness.errors import DataError
from harness.records import Language, Pair, Side, short_id

BadRows = Literal["refuse", "drop"]

_ROW_KEYS = ("prompt", "prompt_id", "tag", "chosen", "rejected")
# token counts and word_len belong to the format but are not trusted: those of replaced prompts
# stayed (the published Chinese file), so nothing here reads them
_SIDE_KEYS = ("response", "score", "model", "completion_tokens", "prompt_tokens", "word_len")
_SHOWN = 50


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
    rows = parse_rows(content, name)
    pairs: list[Pair] = []
    bad: list[tuple[str, list[str]]] = []
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
    if bad and bad_rows == "refuse":
        raise DataError(_refusal(name, bad, len(rows)))
    if not pairs:
        raise DataError(_refusal(name, bad, len(rows), way_out="no good row is left"))
    messages = tuple(f"{place}: {'; '.join(problems)}" for place, problems in bad)
    return Records(tuple(pairs), messages, len(rows), dict(extra))


def _refusal(
    name: str,
    bad: Sequence[tuple[str, list[str]]],
    rows: int,
    way_out: str = "mend them, or leave them out with --bad_rows drop",
) -> str:
    lines = [f"  {place}: {problem}" for place, problems in bad for problem in problems]
    hidden = len(lines) - _SHOWN
    if hidden > 0:
        lines = [*lines[:_SHOWN], f"  and {hidden:,} more"]
    head = f"{name}: {len(bad):,} of {rows:,} rows cannot be used"
    return "\n".join([f"{head}:", *lines, f"{way_out}"])


def _check_row(
    row: Row, problems: list[str], extra: Counter[str]
) -> tuple[str, str, str, Side, Side] | None:
    """The parts of a pair; what is wrong goes to `problems`, unknown keys to `extra`."""
    if row.problem is not None:
        problems.append(row.problem)
        return None
    if not isinstance(row.value, dict):
        problems.append(f"must be an object, not {json_type(row.value)}")
        return None
    _keys(row.value, "", _ROW_KEYS, problems, extra)
    prompt = _text(row.value, "prompt", problems)
    prompt_id = _prompt_id(row.value, problems)
    tag = _text(row.value, "tag", problems)
    chosen = _side(row.value, "chosen", problems, extra)
    rejected = _side(row.value, "rejected", problems, extra)
    if prompt is None or prompt_id is None or tag is None or chosen is None or rejected is None:
        return None
    if chosen.response == rejected.response:
        problems.append("field rejected.response: the same text as chosen.response")
    return prompt, prompt_id, tag, chosen, rejected


def _keys(
    found: dict[str, Any],
    prefix: str,
    known: Sequence[str],
    problems: list[str],
    extra: Counter[str],
) -> None:
    if isinstance(found, RepeatedKey):
        problems.append(f"field {prefix}{found.key}: stands there twice")
    extra.update(prefix + key for key in found if key not in known)


def _text(found: dict[str, Any], key: str, problems: list[str], prefix: str = "") -> str | None:
    field = f"field {prefix}{key}"
    if key not in found:
        problems.append(f"{field}: missing")
        return None
    value = found[key]
    if not isinstance(value, str):
        problems.append(f"{field}: must be a string, not {json_type(value)}")
        return None
    if not _encodable(value):
        problems.append(f"{field}: holds half of a surrogate pair, which no file can store")
        return None
    return value


def _encodable(text: str) -> bool:
    """Whether the text is whole characters; JSON escapes can smuggle in half ones."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _prompt_id(found: dict[str, Any], problems: list[str]) -> str | None:
    value = found.get("prompt_id")
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    text = _text(found, "prompt_id", problems)
    if text is not None and not text.strip():
        # an empty id would tie every such row into one cluster
        problems.append("field prompt_id: empty")
        return None
    return text


def _side(row: dict[str, Any], name: str, problems: list[str], extra: Counter[str]) -> Side | None:
    if name not in row:
        problems.append(f"field {name}: missing")
        return None
    found = row[name]
    if not isinstance(found, dict):
        problems.append(f"field {name}: must be an object, not {json_type(found)}")
        return None
    prefix = f"{name}."
    _keys(found, prefix, _SIDE_KEYS, problems, extra)
    response = _text(found, "response", problems, prefix)
    if response is not None and not response.strip():
        problems.append(f"field {prefix}response: empty")
        response = None
    score = _score(found, prefix, problems)
    model = None if found.get("model") is None else _text(found, "model", problems, prefix)
    if response is None:
        return None
    return Side(response, score, model if model and model.strip() else None)


def _score(found: dict[str, Any], prefix: str, problems: list[str]) -> float | None:
    value = found.get("score")
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        problems.append(f"field {prefix}score: must be a number or null, not {json_type(value)}")
        return None
    try:
        score = float(value)
    except OverflowError:
        score = math.inf
    if not math.isfinite(score):
        said = "NaN" if math.isnan(score) else "not finite"
        problems.append(f"field {prefix}score: {said}; write null where there is no score")
        return None
    return score
