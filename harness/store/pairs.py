"""The folder of a run over pairs: scores, ratings and verdicts, and how they stand."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from typing import ClassVar, NamedTuple

from harness.metrics.table import PairTable, VerdictTable
from harness.records import Outcome, PairFacts, Rating, Score, Verdict, VerdictKey
from harness.store.folder import Folder
from harness.stored import PAIRS, SCORES, VERDICTS, read_tables


class Standing(NamedTuple):
    """What the last line of a verdict or rating says; without its text, which may be long."""

    outcome: Outcome
    attempt: int


class RunFolder(Folder):
    """What a model said of pairs."""

    needed: ClassVar[tuple[str, ...]] = (PAIRS,)

    def write_pairs(self, pairs: Iterable[PairFacts]) -> None:
        """pairs.jsonl, whole."""
        self.write_records(PAIRS, pairs)

    def append_scores(self, scores: Sequence[Score]) -> None:
        """Add lines to scores.jsonl."""
        self._append(SCORES, scores)

    def append_ratings(self, ratings: Sequence[Rating]) -> None:
        """Add a judge's lines to scores.jsonl."""
        self._append(SCORES, ratings)

    def append_verdicts(self, verdicts: Sequence[Verdict]) -> None:
        """Add lines to verdicts.jsonl."""
        self._append(VERDICTS, verdicts)

    def scores(self) -> Iterator[Score]:
        """The lines of scores.jsonl; of a text with several, the last one counts."""
        fields = {field.name for field in dataclasses.fields(Score)}
        for line in self._lines(SCORES, fields):
            yield Score(**{key: line[key] for key in fields if key in line})

    def ratings(self) -> dict[tuple[str, int], Rating]:
        """The last rating of every (text, repeat) on disk, without its texts."""
        fields = {field.name for field in dataclasses.fields(Rating)}
        found: dict[tuple[str, int], Rating] = {}
        for line in self._lines(SCORES, fields):
            slim = {key: line[key] for key in fields} | {"raw": None, "reasoning": None}
            found[line["id"], line["repeat"]] = Rating(**slim)
        return found

    def standing(self) -> dict[VerdictKey, Standing]:
        """How every (pair_id, order, repeat) on disk stands, by its last line."""
        return {
            (line["pair_id"], line["order"], line["repeat"]): Standing(
                line["outcome"], line["attempt"]
            )
            for line in self._lines(VERDICTS, {"pair_id", "order", "repeat", "outcome", "attempt"})
        }

    def tables(self) -> tuple[PairTable, VerdictTable]:
        """What stands in pairs.jsonl and verdicts.jsonl, as numpy columns."""
        return read_tables(self.path)
