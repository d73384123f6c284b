"""Is it only picking the longer text? Accuracy beside the lengths of the two sides."""

from __future__ import annotations

from typing import Any

from harness.metrics.accuracy import mean, pair_values
from harness.metrics.table import CHOSEN, REJECTED, PairTable, VerdictTable


def length(pairs: PairTable, verdicts: VerdictTable, _seed: int = 0) -> dict[str, Any]:
    """The length columns of docs/design.md 4.4; length is `len()` of the unstripped text.

    `longer_accuracy`, `shorter_accuracy`: what always picking the longer, the shorter text would
    score; equal lengths are wrong. They say something about the data only. `longer_agreement`:
    share of verdicts for the longer text among valid non-ties of pairs of unequal length.
    `accuracy_longer_chosen`, `accuracy_shorter_chosen`: mean pair value where the chosen text is
    the longer, the shorter.
    `length_balanced_accuracy`: the mean of these two, so 0.5 for a judge that knows only
    length. Null where there is nothing to count.
    """
    values = pair_values(pairs, verdicts)
    longer = pairs.chosen_chars > pairs.rejected_chars
    shorter = pairs.chosen_chars < pairs.rejected_chars
    counts = (verdicts.outcome <= REJECTED) & (longer | shorter)[verdicts.pair]
    longer_wins = (verdicts.outcome == CHOSEN) == longer[verdicts.pair]
    by_longer, by_shorter = mean(values[longer]), mean(values[shorter])
    balanced = None
    if by_longer is not None and by_shorter is not None:
        balanced = (by_longer + by_shorter) / 2
    return {
        "longer_accuracy": mean(longer),
        "shorter_accuracy": mean(shorter),
        "longer_agreement": mean(longer_wins[counts]),
        "accuracy_longer_chosen": by_longer,
        "accuracy_shorter_chosen": by_shorter,
        "length_balanced_accuracy": balanced,
    }
