"""The readers of prompts: rows in one of three forms -> prompt_id, prompt and tag of each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from harness.data.fields import (
    Bad,
    BadRows,
    check_keys,
    identifier,
    object_of,
    optional_text,
    settle,
    text,
)
from harness.data.rows import Row, parse_rows
from harness.data.wpb import pairs_of_rows
from harness.records import Language, short_id

Form = Literal["wpb", "prompts", "coig_writer"]

# form -> the keys that only its rows have; of a row that has several kinds, the first counts
_TELLING: dict[Form, tuple[str, ...]] = {
    "wpb": ("chosen", "rejected"),
    "coig_writer": ("query",),
    "prompts": ("prompt",),
}


@dataclass(frozen=True, slots=True)
class PromptRow:
    """What one row asks for; `tag` is empty where the row has none."""

    prompt_id: str
    prompt: str
    tag: str


@dataclass(frozen=True, slots=True)
class PromptRecords:
    """What a file holds: the prompts of its good rows, repeated ones too, one message for each
    bad row, its number of rows, and the keys that are no part of the format, counted."""

    found: tuple[PromptRow, ...]
    form: Form
    bad: tuple[str, ...]
    rows: int
    extra: dict[str, int]


def read_prompt_rows(
    content: bytes,
    *,
    name: str,
    language: Language,
    form: Form | None = None,
    bad_rows: BadRows = "refuse",
) -> PromptRecords:
    """The prompts of a JSON list or JSONL, row by row.

    The forms: `wpb`, pairs in the official format, where only a good pair gives its prompt (the
    prompts are those behind the pairs of a preference task); `prompts`, rows of `prompt_id`,
    `prompt` and perhaps `tag`; `coig_writer`, the records of COIG-Writer, whose `query` is the
    prompt and `query_type`, where there is one, the tag. Its first edition had no `id`: such a row
    is known by the hash of its query. Without `form` it is that of most rows, told by their keys;
    a row in another form is a bad one.
    """
    rows = parse_rows(content, name)
    form = form or _form_of_most(rows)
    if form == "wpb":
        read = pairs_of_rows(
            rows, name=name, language=language, genre_of=lambda tag: tag, bad_rows=bad_rows
        )
        of_pairs = (PromptRow(pair.prompt_id, pair.prompt, pair.tag) for pair in read.pairs)
        return PromptRecords(tuple(of_pairs), form, read.bad, read.rows, read.extra)
    found: list[PromptRow] = []
    bad: list[Bad] = []
    extra: Counter[str] = Counter()
    for row in rows:
        problems: list[str] = []
        one = _check_row(row, form, language, problems, extra)
        if one is None or problems:
            bad.append((row.place, problems))
        else:
            found.append(one)
    messages = settle(name, bad, rows=len(rows), good=len(found), bad_rows=bad_rows)
    return PromptRecords(tuple(found), form, messages, len(rows), dict(extra))


def _form_of_most(rows: Sequence[Row]) -> Form:
    forms = Counter(form for row in rows if (form := _form_of(row.value)) is not None)
    return forms.most_common(1)[0][0] if forms else "prompts"


def _form_of(value: Any) -> Form | None:
    if not isinstance(value, dict):
        return None
    return next((form for form, keys in _TELLING.items() if any(k in value for k in keys)), None)


def _check_row(
    row: Row, form: Form, language: Language, problems: list[str], extra: Counter[str]
) -> PromptRow | None:
    found = object_of(row, problems)
    if found is None:
        return None
    other = _form_of(found)
    if other not in (form, None):
        problems.append(f"a row in the form {other!r}; the file is read as {form!r}")
        return None
    if form == "prompts":
        check_keys(found, ("prompt_id", "prompt", "tag"), problems, extra)
        prompt = text(found, "prompt", problems)
        prompt_id = identifier(found, "prompt_id", problems)
        tag = optional_text(found, "tag", problems)
    else:
        check_keys(found, ("id", "query", "thought", "answer", "query_type"), problems, extra)
        prompt = text(found, "query", problems)
        named = found.get("id") is not None or prompt is None
        prompt_id = identifier(found, "id", problems) if named else short_id(language, str(prompt))
        tag = optional_text(found, "query_type", problems)
    if prompt is None or prompt_id is None:
        return None
    return PromptRow(prompt_id, prompt, tag or "")
