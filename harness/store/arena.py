"""The folder of an arena: the verdicts of a run over pairs, told of runs instead of sides."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from harness.progress import Progress
from harness.records import (
    ArenaOrder,
    ArenaOutcome,
    ArenaVerdict,
    Match,
    Measures,
    Order,
    Outcome,
    Verdict,
    VerdictKey,
)
from harness.store.folder import Folder
from harness.store.pairs import RunFolder, Standing
from harness.stored import MEASURES, SCORES, VERDICTS

_OUTCOMES: Mapping[Outcome, ArenaOutcome] = {
    "chosen": "a",
    "rejected": "b",
    "tie": "tie",
    "unparsed": "unparsed",
    "error": "error",
}
_ORDERS: Mapping[Order | None, ArenaOrder | None] = {
    "chosen_first": "a_first",
    "rejected_first": "b_first",
    None: None,
}
_OUTCOME_OF = {told: outcome for outcome, told in _OUTCOMES.items()}
_ORDER_OF = {told: order for order, told in _ORDERS.items()}


class _WithMeasures(Folder):
    def write_measures(self, measures: Mapping[str, Iterable[Measures]]) -> None:
        """measures.jsonl, whole: what was measured on the texts of each run."""
        self.write_lines(
            MEASURES,
            (
                {"run": run, **{name: getattr(one, name) for name in Measures.__slots__}}
                for run, own in measures.items()
                for one in own
            ),
        )


class HumanFolder(_WithMeasures):
    """What people said: everything is there from the beginning."""

    needed: ClassVar[tuple[str, ...]] = (VERDICTS, MEASURES)

    def write_verdicts(self, verdicts: Iterable[ArenaVerdict]) -> None:
        """verdicts.jsonl, whole."""
        self.write_records(VERDICTS, verdicts)


class ArenaFolder(_WithMeasures, RunFolder):
    """What a judge said of matches, which `matches` has by the id of their pair."""

    needed: ClassVar[tuple[str, ...]] = (VERDICTS, MEASURES)

    def __init__(self, matches: Mapping[str, Match], path: Path, progress: Progress) -> None:
        super().__init__(path, progress)
        self._matches = matches

    def append_verdicts(self, verdicts: Sequence[Verdict]) -> None:
        """Add lines to verdicts.jsonl, as the arena tells them."""
        self.append_told([self._told(verdict) for verdict in verdicts])

    def append_told(self, verdicts: Sequence[ArenaVerdict]) -> None:
        """Add lines that are told so already."""
        self._append(VERDICTS, verdicts)

    def settled(self) -> set[tuple[str, ArenaOrder | None, int]]:
        """What need not be judged again, as the arena tells it: everything but errors."""
        return {
            (pair_id, _ORDERS[order], repeat)
            for (pair_id, order, repeat), line in self.standing().items()
            if line.outcome != "error"
        }

    def append_lines(self, lines: Iterable[Mapping[str, Any]]) -> None:
        """Add lines of another arena's scores.jsonl."""
        self._append_lines(SCORES, lines)

    def standing(self) -> dict[VerdictKey, Standing]:
        """How every (pair_id, order, repeat) on disk stands, by its last line."""
        needed = {"pair_id", "order", "repeat", "outcome", "attempt"}
        return {
            (line["pair_id"], _ORDER_OF[line["order"]], line["repeat"]): Standing(
                _OUTCOME_OF[line["outcome"]], line["attempt"]
            )
            for line in self._lines(VERDICTS, needed)
        }

    def _told(self, verdict: Verdict) -> ArenaVerdict:
        match = self._matches[verdict.pair_id]
        (run_a, run_b), (a_id, b_id) = match.sides, match.ids
        return ArenaVerdict(
            run_a,
            run_b,
            verdict.prompt_id,
            verdict.tag,
            verdict.genre,
            verdict.language,
            _ORDERS[verdict.order],
            _OUTCOMES[verdict.outcome],
            pair_id=verdict.pair_id,
            sample=match.sample,
            repeat=verdict.repeat,
            attempt=verdict.attempt,
            a_id=a_id,
            b_id=b_id,
            margin=verdict.margin,
            raw=verdict.raw,
            reason=verdict.reason,
            finish_reason=verdict.finish_reason,
            tokens_in=verdict.tokens_in,
            tokens_out=verdict.tokens_out,
            truncated=verdict.truncated,
            reasoning=verdict.reasoning,
            tokens_reasoning=verdict.tokens_reasoning,
        )
