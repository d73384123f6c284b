"""The null rows of a board of pairs: what a judge has to beat (docs/design.md 5.6)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np

from harness.data import Dataset, load_pairs, verify_source
from harness.data.fetch import NotAtHandError
from harness.leaderboard.boards import NULLS, Board
from harness.leaderboard.submit import board_task
from harness.metrics.null_scores import NULL_SCORERS, NullScorer, null_score
from harness.metrics.tokens import tokenizer_facts
from harness.records import Pair, Verdict
from harness.results import make_results, tables_in_memory
from harness.specs import TaskSpec
from harness.store import write_atomic
from harness.verdicts import outcome_of_margin

SEED = 0  # that of `harness run` where nobody says another
FIRST: Literal["first"] = "first"


def make_nulls(board: Board) -> dict[str, Any] | None:
    """What nulls.json of a board holds: `rows`, name -> the results.json of that baseline's run.

    Computed from the pairs alone, with no model; the same numbers as `harness run --model
    baseline:NAME` at its defaults. None where the task's data are not at hand (nothing is
    fetched), and for a board of writers, which has no nulls. DataError where the data do not hold.
    """
    spec = board_task(board)
    if not isinstance(spec, TaskSpec):
        return None
    try:
        verify_source(spec, at_hand=True)
    except NotAtHandError:
        return None
    data = load_pairs(spec)
    return {
        "schema": 1,
        "task": spec.name,
        "data": {"file": data.file, "sha256": data.sha256, "n": len(data.pairs)},
        "seed": SEED,
        "tokenizer": tokenizer_facts("jieba"),  # what the row of ttr hangs on
        "rows": baselines(spec, data),
    }


def baselines(spec: TaskSpec, data: Dataset) -> dict[str, dict[str, Any]]:
    """Name -> results.json of every null model over all pairs of a file."""
    return {
        f"baseline:{what}": _results(spec, data, what, _verdicts(data.pairs, what))
        for what in (*NULL_SCORERS, FIRST)
    }


def write_nulls(board: Board) -> Path | None:
    """Write nulls.json of a board; None, and nothing written, where `make_nulls` has none."""
    nulls = make_nulls(board)
    if nulls is None:
        return None
    path = board.folder / NULLS
    text = json.dumps(nulls, ensure_ascii=False, sort_keys=True, indent=1, allow_nan=False)
    write_atomic(path, text + "\n")
    return path


def _results(
    spec: TaskSpec, data: Dataset, what: str, verdicts: Sequence[Verdict]
) -> dict[str, Any]:
    model = {
        "name": f"baseline:{what}",
        "backend": "baseline",
        "revision": None,
        "dtype": None if what == FIRST else "float32",
    }
    tables = tables_in_memory(data.pairs, verdicts)
    return make_results(spec, data, data.pairs, tables, model=model, judge=None, seed=SEED)


def _verdicts(pairs: Sequence[Pair], what: NullScorer | Literal["first"]) -> list[Verdict]:
    """One verdict a pair of a scorer, one an order of the judge that takes the first shown."""
    if what == "first":
        return [
            verdict
            for pair in pairs
            for verdict in (
                Verdict(*pair.head, "chosen_first", "chosen"),
                Verdict(*pair.head, "rejected_first", "rejected"),
            )
        ]

    def stored(text: str, pair: Pair) -> float:  # scores are float32 (docs/design.md 5.3)
        return float(np.float32(null_score(what, text, pair.language, seed=SEED)))

    found = []
    for pair in pairs:
        margin = stored(pair.chosen.response, pair) - stored(pair.rejected.response, pair)
        found.append(Verdict(*pair.head, None, outcome_of_margin(margin), margin=margin))
    return found
