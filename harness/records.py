"""The frozen records that flow through the harness, and the ids that name them."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any, Literal

Language = Literal["zh", "en"]
Order = Literal["chosen_first", "rejected_first"]
Outcome = Literal["chosen", "rejected", "tie", "unparsed", "error"]
Orders = Literal["both", "seeded"]  # which of them a pairwise judge is shown
VerdictKey = tuple[str, Order | None, int]  # pair_id, order, repeat: what one verdict is about
TextKey = tuple[str, int]  # prompt_id, repeat: what one written text is


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
