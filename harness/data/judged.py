"""What one row of people's judgements comes to, whatever its format: choices between two models."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from harness.data.fields import Bad, identifier, object_of, optional_text
from harness.data.rows import Row

Winner = Literal["a", "b", "tie"]
Check = Callable[[dict[str, Any], list[str], Counter[str]], "Judgement | None"]

# what a row of either format may say beside the judgement itself
ABOUT = ("annotator", "tag", "genre", "language", "prompt")
_LANGUAGES = ("zh", "en")


@dataclass(frozen=True, slots=True)
class Choice:
    """The better one of two models' texts."""

    model_a: str
    model_b: str
    winner: Winner


@dataclass(frozen=True, slots=True)
class About:
    """What a row says of its annotator and its prompt; None where it is silent."""

    annotator: str | None
    tag: str | None
    genre: str | None
    language: str | None
    prompt: str | None


@dataclass(frozen=True, slots=True)
class Judgement:
    """What one annotator said of the texts for one prompt; `responses` are these texts, by model,
    where the row holds them."""

    prompt_id: str
    choices: tuple[Choice, ...]
    about: About
    responses: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Judged:
    """A file's good rows by place ("row 4"), its bad ones, how many it has, and the keys that were
    not read, counted."""

    good: tuple[tuple[str, Judgement], ...]
    bad: tuple[Bad, ...]
    rows: int
    extra: dict[str, int]


def judged(rows: Sequence[Row], check: Check) -> Judged:
    """All rows of a file; `check` reads one, and appends what is wrong and what is unknown."""
    extra: Counter[str] = Counter()
    good: list[tuple[str, Judgement]] = []
    bad: list[Bad] = []
    for row in rows:
        problems: list[str] = []
        found = object_of(row, problems)
        one = None if found is None else check(found, problems, extra)
        if one is None or problems:
            bad.append((row.place, problems))
        else:
            good.append((row.place, one))
    return Judged(tuple(good), tuple(bad), len(rows), dict(extra))


def about(found: dict[str, Any], problems: list[str]) -> About:
    """The fields of ABOUT; blank ones are as good as absent."""
    annotator = found.get("annotator")
    tag, genre, language, prompt = (
        _unless_blank(optional_text(found, key, problems)) for key in ABOUT[1:]
    )
    if language is not None and language not in _LANGUAGES:
        problems.append(f"field language: must be 'zh' or 'en', not {language!a}")
    return About(
        annotator=None if annotator is None else identifier(found, "annotator", problems),
        tag=tag,
        genre=genre,
        language=language,
        prompt=prompt,
    )


def _unless_blank(value: str | None) -> str | None:
    return value if value and value.strip() else None
