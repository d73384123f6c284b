"""What models say of pairs: scores, ratings, verdicts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from harness.records.base import Language, Order, Outcome, VerdictKey


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
