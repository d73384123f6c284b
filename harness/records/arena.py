"""Two runs' texts for one prompt, and which of them was better."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from harness.records.base import Language
from harness.records.pairs import Pair, candidate


@dataclass(frozen=True, slots=True)
class Match:
    """Two runs' texts for one prompt, to be judged.

    A pair whose `chosen` is the text of the run that is first by name, whose `rejected` is the
    other's; `sample` is the `repeat` of both texts.
    """

    pair: Pair
    sample: int

    @property
    def sides(self) -> tuple[str, str]:
        """The names of both runs."""
        return str(self.pair.chosen.model), str(self.pair.rejected.model)

    @property
    def ids(self) -> tuple[str, str]:
        """The ids of both texts."""
        return candidate(self.pair, self.pair.chosen).id, candidate(
            self.pair, self.pair.rejected
        ).id


ArenaOrder = Literal["a_first", "b_first"]
ArenaOutcome = Literal["a", "b", "tie", "unparsed", "error"]


@dataclass(frozen=True, slots=True)
class ArenaVerdict:
    """A line of verdicts.jsonl of an arena: which of two runs' texts for a prompt was better.

    `sample` is the `repeat` of both texts, `pair_id` names the match and `a_id` and `b_id` its
    texts (null where people judged), `annotator` who judged, null for the arena's own judge.
    `order` is null where none is known. The rest is as in a Verdict; the last line of a (run_a,
    run_b, prompt_id, sample, annotator, order, repeat) counts.
    """

    run_a: str
    run_b: str
    prompt_id: str
    tag: str
    genre: str
    language: Language
    order: ArenaOrder | None
    outcome: ArenaOutcome
    annotator: str | None = None
    pair_id: str | None = None
    sample: int = 0
    repeat: int = 0
    attempt: int = 1
    a_id: str | None = None
    b_id: str | None = None
    margin: float | None = None
    raw: str | None = None
    reason: str | None = None
    finish_reason: str | None = None
    tokens_in: int | None = None
    tokens_out: int | None = None
    truncated: bool = False
    reasoning: str | None = None
    tokens_reasoning: int | None = None
