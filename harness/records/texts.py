"""What is to be written, what was written, and what was measured on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from harness.records.base import Language

TextKey = tuple[str, int]  # prompt_id, repeat: what one written text is


@dataclass(frozen=True, slots=True)
class Prompt:
    """A line of prompts.jsonl: something to write.

    `prompt_id` is unique in a file; `prompt` is kept as it stands there; `genre` is the macro genre
    its `tag` maps to.
    """

    prompt_id: str
    prompt: str
    tag: str
    genre: str
    language: Language


@dataclass(frozen=True, slots=True)
class Text:
    """A line of texts.jsonl: what was written for one prompt (docs/design.md 4.4).

    `text` is the answer alone, as it came; null where there is none, and `error` says why.
    `reasoning` is what was thought before it. `n_tokens` counts the answer's tokens, null where
    nobody counted. `repeat` numbers the texts of a prompt; the last line of a (prompt_id, repeat)
    counts. `score` is a human one that came with a text written elsewhere.
    """

    prompt_id: str
    tag: str
    genre: str
    language: Language
    text: str | None
    reasoning: str | None = None
    finish_reason: str | None = None
    n_tokens: int | None = None
    repeat: int = 0
    attempt: int = 1
    tokens_in: int | None = None
    tokens_out: int | None = None
    tokens_reasoning: int | None = None
    error: str | None = None
    score: float | None = None

    @property
    def key(self) -> TextKey:
        """What it is a text of."""
        return self.prompt_id, self.repeat


WrittenIn = Literal["zh", "en", "other"]


@dataclass(frozen=True, slots=True)
class Measures:
    """A line of measures.jsonl: what was measured on one text (docs/design.md 5.15).

    `chars` is `len()` of the unstripped text, `words` and `types` its tokens and distinct tokens
    under the task's rule (5.8), `tokens` the writer's own count or null. `ttr` to `distinct2` are
    null where the text is too short for the definition. `seq_rep8` is the share of repeated
    8-grams, `nearest` the highest similarity to a text of the run for another prompt.
    `written_in` is null for a text without letters. `score` is a human one, or null.
    """

    prompt_id: str
    tag: str
    genre: str
    language: Language
    repeat: int
    text_id: str
    chars: int
    words: int
    types: int
    tokens: int | None
    ttr: float | None
    mattr50: float | None
    mtld: float | None
    hdd42: float | None
    distinct2: float | None
    seq_rep8: float | None
    nearest: float
    written_in: WrittenIn | None
    wrong_language: bool
    empty: bool
    truncated: bool
    refusal: bool
    runaway: bool
    near_duplicate: bool
    score: float | None
