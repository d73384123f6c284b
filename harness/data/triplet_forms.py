"""The forms training rows come in: the columns of each, and how a row becomes three texts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from harness.data.fields import check_keys, object_of, optional_text, text
from harness.data.rows import Row, json_type
from harness.errors import DataError
from harness.reasoning import split_reasoning

Form: TypeAlias = Literal["rows", "coig_writer", "deepseek_r1", "openthoughts"]


@dataclass(frozen=True, slots=True)
class _Columns:
    """Names of the columns; `also` are part of the form and not used."""

    query: str
    thought: str | None
    answer: str
    also: tuple[str, ...] = ()

    @property
    def known(self) -> tuple[str, ...]:
        return tuple(n for n in (self.query, self.thought, self.answer, *self.also) if n)


# coig_writer: COIG-Writer's all_human_data.json, whose first edition had query_type for id;
# deepseek_r1: Congliu/Chinese-DeepSeek-R1-Distill-data-110k; openthoughts: OpenThoughts-114k, 2, 3
_FORMS: dict[Form, _Columns] = {
    "rows": _Columns("query", "thought", "answer"),
    "coig_writer": _Columns("query", "thought", "answer", ("id", "query_type")),
    "deepseek_r1": _Columns("input", "reasoning_content", "content"),
    "openthoughts": _Columns("conversations", None, "conversations"),
}
COLUMNS = frozenset(name for form in _FORMS.values() for name in form.known)
_ROLES = {"user": "user", "human": "user", "assistant": "assistant", "gpt": "assistant"}
_THOUGHT = "<|begin_of_thought|>", "<|end_of_thought|>"
_SOLUTION = "<|begin_of_solution|>", "<|end_of_solution|>"
_SHOWN = 12


@dataclass(frozen=True, slots=True)
class Texts:
    """The three texts of a row as they stand; a thought that is absent or blank is null."""

    query: str
    thought: str | None
    answer: str


def form_of_most(rows: Sequence[Row], name: str) -> Form:
    """The form of most rows, told by their keys; DataError where no row has any form's keys."""
    forms = Counter(form for row in rows if (form := _form_of(row.value)) is not None)
    if forms:
        return forms.most_common(1)[0][0]
    raise DataError(
        f"{name}: no columns of training rows (found: {_found(rows)}); a row has query, answer and "
        "perhaps thought, or input, reasoning_content and content, or conversations"
    )


def _form_of(value: Any) -> Form | None:
    match value:
        case {"conversations": _}:
            return "openthoughts"
        case {"query": _, "id": _}:
            return "coig_writer"
        case {"query": _} | {"answer": _}:
            return "rows"
        case {"input": _, "content": _} | {"input": _, "reasoning_content": _}:
            return "deepseek_r1"
        case _:
            return None


def check_columns(rows: Sequence[Row], form: Form, *, name: str, source: str) -> None:
    """DataError that names the columns found where no row has one that the form needs.

    Of `rows` thoughts are no need: a file of one's own may be answers alone.
    """
    columns = _FORMS[form]
    thought = None if form == "rows" else columns.thought
    need = dict.fromkeys((columns.query, thought, columns.answer))  # one column may be two
    present = {key for row in rows if isinstance(row.value, dict) for key in row.value}
    missing = [key for key in need if key is not None and key not in present]
    if missing:
        raise DataError(
            f"{name}: no column {', '.join(missing)}, which the reader {form} needs (found: "
            f"{_found(rows)}); --set data.{source}.reader=... takes {', '.join(_FORMS)}, "
            f"--set data.{source}.file=FILE a file of your own in any of these forms"
        )


def _found(rows: Sequence[Row]) -> str:
    keys = Counter(key for row in rows if isinstance(row.value, dict) for key in row.value)
    shown = [ascii(key).strip("'") for key, _ in keys.most_common(_SHOWN)]
    return ", ".join(shown) + (", ..." if len(keys) > _SHOWN else "") if shown else "none"


def texts_of(row: Row, form: Form, problems: list[str], extra: Counter[str]) -> Texts | None:
    """The texts of a row; None, and what is wrong with it in `problems`, for a bad one.

    Keys that are no part of the form are counted in `extra`. The parts of a conversation are
    stripped where their tags stood, all other texts are as they stand.
    """
    found = object_of(row, problems)
    if found is None:
        return None
    columns = _FORMS[form]
    check_keys(found, columns.known, problems, extra)
    if form == "openthoughts":
        texts = _of_conversation(found, problems)
    else:
        query = _filled(found, columns.query, problems)
        thought = optional_text(found, str(columns.thought), problems)
        answer = _filled(found, columns.answer, problems)
        texts = None if query is None or answer is None else Texts(query, thought, answer)
    if texts is None or problems:
        return None
    thought = texts.thought if texts.thought and texts.thought.strip() else None
    return Texts(texts.query, thought, texts.answer)


def _filled(found: dict[str, Any], key: str, problems: list[str]) -> str | None:
    """The string under a key, as it stands; a blank one is a problem."""
    value = text(found, key, problems)
    if value is not None and not value.strip():
        problems.append(f"field {key}: empty")
    return value


def _of_conversation(found: dict[str, Any], problems: list[str]) -> Texts | None:
    """One question and one answer, a system message before them aside."""
    turns = found.get("conversations")
    if not isinstance(turns, list):
        said = "missing" if turns is None else f"must be a list, not {json_type(turns)}"
        problems.append(f"field conversations: {said}")
        return None
    roles, values = [], []
    for number, turn in enumerate(turns, 1):
        prefix = f"conversations[{number}]."
        if not isinstance(turn, dict):
            problems.append(
                f"field conversations[{number}]: must be an object, not {json_type(turn)}"
            )
            return None
        role = text(turn, "from", problems, prefix)
        value = text(turn, "value", problems, prefix)
        if role is None or value is None:
            return None
        if (role, number) != ("system", 1):
            roles.append(role)
            values.append(value)
    if [_ROLES.get(role) for role in roles] != ["user", "assistant"]:
        said = ", ".join(roles[:6]) + (", ..." if len(roles) > 6 else "") or "none"
        problems.append(
            f"field conversations: must be one question and one answer, not the turns {said}"
        )
        return None
    query, (thought, answer) = values[0], _parts(values[1])
    if not query.strip():
        problems.append("field conversations: the question is empty")
    if not answer.strip():
        problems.append("field conversations: no answer, or a thought without an end")
    return Texts(query, thought, answer)


def _parts(value: str) -> tuple[str | None, str]:
    """Thought and answer of a reply, whichever of the two kinds of tags it has."""
    begun = value.lstrip()
    if not begun.startswith(_THOUGHT[0]):
        return split_reasoning(value)
    thought, closed, rest = begun.removeprefix(_THOUGHT[0]).rpartition(_THOUGHT[1])
    if not closed:
        return rest.strip(), ""
    answer = rest.strip().removeprefix(_SOLUTION[0]).removesuffix(_SOLUTION[1])
    return thought.strip(), answer.strip()
