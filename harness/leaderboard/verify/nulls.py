"""Null rows: what a baseline must have scored or chosen, computed again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

import numpy as np

from harness.data import Dataset
from harness.leaderboard.archive import short
from harness.leaderboard.entries import at
from harness.leaderboard.verify.case import Case
from harness.leaderboard.verify.findings import Finding, note
from harness.leaderboard.verify.scores import Said, TextKey
from harness.metrics.null_scores import NullScorer, null_score
from harness.metrics.tokens import Segmenter
from harness.records import Candidate, PairFacts, Verdict, candidate
from harness.stored import PAIRS, RESULTS, SCORES, VERDICTS

BACKEND = "baseline"
_BY_LENGTH: dict[str, Callable[[int], float]] = {
    "length": lambda chars: float(chars),
    "shorter": lambda chars: -float(chars),
}
_BY_TEXT: tuple[NullScorer, ...] = ("random", "ttr")


def check_null(
    case: Case, verdicts: Iterable[Verdict], scores: Mapping[TextKey, Said]
) -> Iterator[Finding]:
    """A baseline against its definition (docs/design.md 4.1); nothing for other models.

    `length` and `shorter` follow from pairs.jsonl, `first` from the order alone; `random` and
    `ttr` take the texts, and are a note where these are not at hand.
    """
    backend, what = at(case.results, "model", "backend"), at(dict(case.identity), "model", "what")
    if backend != BACKEND:
        if case.submission.model.strip().casefold().startswith(f"{BACKEND}:"):
            said = f"{short(case.submission.model)} is the name of a null row, of another backend"
            yield Finding("null", said, RESULTS)
        return
    if what == "first":
        for line, verdict in enumerate(verdicts, 1):
            if (verdict.outcome == "chosen") != (verdict.order == "chosen_first"):
                yield Finding("null", "not the text that was shown first", VERDICTS, line)
        return
    expected = _expected(case, str(what))
    if expected is None:
        known = what in _BY_TEXT
        why = "the data are not at hand" if known else f"no baseline is called {short(what)}"
        said = f"the scores of baseline:{what} not computed again: {why}"
        yield note("null", said) if known else Finding("null", why, RESULTS)
        return
    for (name, _), one in scores.items():
        if name in expected and one.score != expected[name]:
            said = (
                f"text {short(name)}: {one.score!r}, and baseline:{what} gives {expected[name]!r}"
            )
            yield Finding("null", said, SCORES)


def _expected(case: Case, what: str) -> dict[str, float] | None:
    """The score of every text; None where the texts are not at hand."""
    if what in _BY_LENGTH:
        score = _BY_LENGTH[what]
        found = {}
        for pair in case.submission.records(PAIRS, PairFacts):
            found[pair.chosen_id] = score(pair.chosen_chars)
            found[pair.rejected_id] = score(pair.rejected_chars)
        return found
    data = case.standard.data
    scorer = next((one for one in _BY_TEXT if one == what), None)
    if scorer is None or not isinstance(data, Dataset):
        return None
    texts = {
        one.id: one
        for pair in data.pairs
        for one in (candidate(pair, pair.chosen), candidate(pair, pair.rejected))
    }
    return {name: _by_text(case, scorer, one) for name, one in texts.items()}


def _by_text(case: Case, what: NullScorer, one: Candidate) -> float:
    told = at(case.manifest, "settings", "segmenter")
    segmenter: Segmenter = "rjieba" if told == "rjieba" else "jieba"
    seed = case.seed or 0
    score = null_score(what, one.text, one.language, seed=seed, segmenter=segmenter)
    return float(np.float32(score))
