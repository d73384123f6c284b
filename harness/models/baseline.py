"""Null models: what a number has to beat. They run through the same road as any other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from harness.batching import Budget
from harness.errors import UsageError, unknown_name
from harness.metrics.null_scores import NULL_SCORERS, NullScorer, null_score
from harness.models.base import Encoded, ModelRef, ModelSettings
from harness.models.ref import check_options
from harness.records import Candidate

JUDGES = ("first",)  # pairwise: picks whatever stands first, in both orders


def open_baseline(ref: ModelRef, settings: ModelSettings) -> Baseline | FirstShown:
    """baseline:length|shorter|random|ttr (scorers) or first (a judge of pairs)."""
    check_options(ref.options, ("name",))
    if settings.judge is not None:
        raise UsageError("--judge has no meaning for a baseline")
    if ref.what in JUDGES:
        return FirstShown(name=ref.options.get("name"))
    for what in NULL_SCORERS:
        if ref.what == what:
            return Baseline(what, settings, name=ref.options.get("name"))
    raise UsageError("--model: " + unknown_name("baseline", ref.what, (*NULL_SCORERS, *JUDGES)))


class Baseline:
    """Scores a text by its length, by chance, or by its type-token ratio (metrics.null_scores)."""

    backend = "baseline"
    device = "cpu"
    lanes = 1

    def __init__(
        self, what: NullScorer, settings: ModelSettings, *, name: str | None = None
    ) -> None:
        self.what = what
        self.settings = settings
        self.name = name or f"baseline:{what}"

    def identity(self) -> Mapping[str, Any]:
        """Its name, and the seed or the segmenter where they matter."""
        found: dict[str, Any] = {"backend": self.backend, "what": self.what}
        if self.what == "random":
            found["seed"] = self.settings.seed
        if self.what == "ttr":
            from harness.metrics.tokens import tokenizer_facts

            found["tokenizer"] = tokenizer_facts(self.settings.segmenter)
        return found

    def judge(self) -> None:
        """A null model has no recipe."""

    def facts(self) -> Mapping[str, Any]:
        """Nothing ran but Python."""
        return {"engine": "none", "dtype": "float32", "hardware": {"device": "cpu"}}

    def encode(self, candidates: Sequence[Candidate]) -> list[Encoded]:
        """Null models read characters, not tokens."""
        return [Encoded(candidate) for candidate in candidates]

    def budget(self, *, max_tokens: int | None, max_texts: int | None) -> Budget:
        """Any number of texts at once."""
        return Budget(1, max_texts or 4096)

    def warm(self) -> None:
        """There are no weights."""

    def score(self, batch: Sequence[Encoded], lane: int = 0) -> list[float]:
        """One score a text."""
        return [self._one(item.candidate) for item in batch]

    def _one(self, candidate: Candidate) -> float:
        return null_score(
            self.what,
            candidate.text,
            candidate.language,
            seed=self.settings.seed,
            segmenter=self.settings.segmenter,
        )


class FirstShown:
    """A judge that takes whatever stands first, in both orders: position bias in person."""

    backend = "baseline"
    device = "cpu"

    def __init__(self, *, name: str | None = None) -> None:
        self.name = name or "baseline:first"

    def identity(self) -> Mapping[str, Any]:
        """Its name."""
        return {"backend": self.backend, "what": "first"}

    def judge(self) -> None:
        """It reads no judge file."""

    def facts(self) -> Mapping[str, Any]:
        """Nothing ran but Python."""
        return {"engine": "none", "hardware": {"device": "cpu"}}

    def choose(self, prompt: str, first: str, second: str) -> Literal[0, 1]:
        """The first."""
        return 0
