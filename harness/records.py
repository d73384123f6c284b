"""The frozen records that flow through the harness, and the ids that name them."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any, Literal

Language = Literal["zh", "en"]
Order = Literal["chosen_first", "rejected_first"]
Outcome = Literal["chosen", "rejected", "tie", "unparsed", "error"]
VerdictKey = tuple[str, Order | None, int]  # pair_id, order, repeat: what one verdict is about


def short_id(*parts: str) -> str:
    """First 16 hex digits of the sha256 of the parts joined by NUL."""
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:16]


def canonical(value: Any) -> str:
    """JSON with sorted keys, UTF-8 and no NaN."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, allow_nan=False)


def json_line(record: Any) -> str:
    """A flat record (one of the dataclasses here) as a line of JSONL."""
    # dataclasses.asdict copies every value: three times as slow
    return canonical({name: getattr(record, name) for name in record.__slots__}) + "\n"


@dataclass(frozen=True, slots=True)
class Side:
    """One text of a pair.

    `response` is kept as it stands in the file (never stripped); `score` is the human one
    (0 to 3 in WritingPreferenceBench), `model` the text's source; both may be absent.
    """

    response: str
    score: float | None
    model: str | None


@dataclass(frozen=True, slots=True)
class Pair:
    """Two texts for one prompt, and which of them people preferred.

    `pair_id` is unique in a file (a repeated pair gets a "-2" suffix); `row` is its place in
    the file, from 1; `genre` is the macro genre its `tag` maps to.
    """

    pair_id: str
    prompt_id: str
    prompt: str
    tag: str
    genre: str
    language: Language
    chosen: Side
    rejected: Side
    row: int

    @property
    def head(self) -> tuple[str, str, str, str, Language]:
        """The five fields that every stored line about a pair begins with."""
        return self.pair_id, self.prompt_id, self.tag, self.genre, self.language


@dataclass(frozen=True, slots=True)
class Candidate:
    """One distinct text to be scored: the unit of work of a reward model."""

    id: str
    language: Language
    prompt: str
    text: str


def candidate(pair: Pair, side: Side) -> Candidate:
    """The candidate behind one side of a pair; equal texts for equal prompts share an id."""
    return Candidate(
        short_id(pair.language, pair.prompt, side.response),
        pair.language,
        pair.prompt,
        side.response,
    )


@dataclass(frozen=True, slots=True)
class Score:
    """A line of scores.jsonl; `score` is null when the model gave no finite number."""

    id: str
    score: float | None
    n_tokens: int
    truncated: bool
    raw: str | None = None


@dataclass(frozen=True, slots=True)
class Rating:
    """A line of scores.jsonl of a judge that rates texts one by one.

    `id`, `score`, `n_tokens` (of the prompt), `truncated` and `raw` (the answer) are those of a
    Score; `status` says why there is no score. The last line of an (id, repeat) counts.
    """

    id: str
    score: float | None
    n_tokens: int
    truncated: bool
    raw: str | None
    status: Literal["ok", "unparsed", "error"]
    reason: str | None = None
    repeat: int = 0
    attempt: int = 1
    finish_reason: str | None = None
    tokens_in: int | None = None
    tokens_out: int | None = None
    tokens_reasoning: int | None = None
    reasoning: str | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a chat; `role` is system, user or assistant."""

    role: Literal["system", "user", "assistant"]
    content: str

    def as_dict(self) -> dict[str, str]:
        """As chat templates and servers take it."""
        return {"role": self.role, "content": self.content}


@dataclass(frozen=True, slots=True)
class Verdict:
    """A line of verdicts.jsonl: the outcome of one pair in one order (docs/design.md 4.4).

    `margin` is score(chosen) - score(rejected) of the stored scores, or null where the judge
    chooses without a score. `raw` is a judge's answer, `reasoning` what it thought before, never
    read for a verdict; `reason` says why there is none. The last line of a (pair_id, order,
    repeat) counts.
    """

    pair_id: str
    prompt_id: str
    tag: str
    genre: str
    language: Language
    order: Order | None
    outcome: Outcome
    margin: float | None = None
    raw: str | None = None
    reason: str | None = None
    repeat: int = 0
    attempt: int = 1
    finish_reason: str | None = None
    tokens_in: int | None = None
    tokens_out: int | None = None
    truncated: bool = False
    reasoning: str | None = None
    tokens_reasoning: int | None = None

    @property
    def key(self) -> VerdictKey:
        """What it is a verdict about."""
        return self.pair_id, self.order, self.repeat


@dataclass(frozen=True, slots=True)
class PairFacts:
    """A line of pairs.jsonl: what the statistics need to know of a pair beside its verdicts.

    Stored in the run folder so that every number can be recomputed without the data file:
    `cluster` (docs/design.md 5.5), lengths in characters of the unstripped strings, the ids of both
    texts in scores.jsonl, source models and human scores.
    """

    pair_id: str
    prompt_id: str
    tag: str
    genre: str
    language: Language
    cluster: int
    chosen_id: str
    rejected_id: str
    chosen_chars: int
    rejected_chars: int
    chosen_model: str | None
    rejected_model: str | None
    chosen_score: float | None
    rejected_score: float | None
