"""From scores to verdicts: the higher score wins, equal scores tie, no score is an error."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import isnan

import numpy as np
from numpy.typing import NDArray

from harness.records import Verdict, VerdictKey
from harness.scoring.table import ScoreTable
from harness.scoring.texts import DistinctTexts
from harness.verdicts import outcome_of_margin


def margins(texts: DistinctTexts, scores: ScoreTable) -> NDArray[np.float64]:
    """score(chosen) - score(rejected) of every pair; NaN where one of them has none."""
    value = scores.value[texts.of_pairs]
    found: NDArray[np.float64] = value[:, 0] - value[:, 1]
    return found


def verdicts_from_scores(
    texts: DistinctTexts, scores: ScoreTable, attempts: Mapping[VerdictKey, int]
) -> Iterator[Verdict]:
    """One verdict a pair, in the order of the pairs.

    `attempts` counts the lines that stand on disk already for a (pair_id, order, repeat).
    """
    found = margins(texts, scores)
    tokens = scores.n_tokens[texts.of_pairs].sum(axis=1)
    cut = scores.truncated[texts.of_pairs]
    for number, head in enumerate(texts.columns.heads()):
        margin = float(found[number])
        known = not np.isnan(margin)
        yield Verdict(
            *head,
            None,
            outcome_of_margin(margin) if known else "error",
            margin=margin if known else None,
            reason=None if known else _missing(texts, scores, number),
            attempt=attempts.get((head[0], None, 0), 0) + 1,
            tokens_in=int(tokens[number]),
            truncated=bool(cut[number].any()),
        )


def _missing(texts: DistinctTexts, scores: ScoreTable, number: int) -> str:
    values = [float(scores.value[texts.of_pairs[number, side]]) for side in (0, 1)]
    names = zip(("chosen", "rejected"), values, strict=True)
    return f"no finite score for {' and '.join(name for name, value in names if isnan(value))}"
