"""Pairs of texts, and the single texts behind them."""

from __future__ import annotations

from dataclasses import dataclass

from harness.records.base import Language, short_id


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
