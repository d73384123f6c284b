"""Do the people who judged an arena agree? Krippendorff's alpha and Kendall's tau."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from harness.metrics.accuracy import mean
from harness.metrics.agreement import alpha, alpha_ci95
from harness.metrics.arena import Units
from harness.metrics.table import FloatArray, IntArray
from harness.metrics.uncertainty import as_list, cluster_ci95, cluster_totals


@dataclass(frozen=True, slots=True)
class _Taus:
    """T rank correlations, each of two annotators (codes) on one prompt."""

    one: IntArray
    other: IntArray
    prompt: IntArray
    tau: FloatArray


def agreement(units: Units, *, seed: int) -> dict[str, Any]:
    """How far the annotators of an arena agree; all null where no two judged the same thing.

    Failed units are left out. `alpha`: Krippendorff's, nominal, over (pair of runs, prompt), the
    categories being first, tie and second; `alpha_ci95` by bootstrap of prompts. `agreement`: the
    share of equal choices among all pairs of choices on the same thing; `items` that have such a
    pair. `tau`: Kendall's tau-b of two annotators on a prompt, averaged over prompts and pairs of
    annotators (`tau_n` of them), with `tau_ci95` by bootstrap of prompts. `annotators`: for each
    its units `n`, and its mean `tau` with the others. Sources: Krippendorff, Content Analysis
    (2004), ch. 11; Kendall, Biometrika 33 (1945).
    """
    valid = units.where(~units.failed)
    counts, prompt = _choices(valid)
    judges = counts.sum(axis=1)
    pairs = int((judges * (judges - 1)).sum())
    taus = _taus(valid)
    people = np.bincount(valid.annotator, minlength=len(units.annotators)).tolist()
    return {
        "alpha": alpha(counts),
        "alpha_ci95": as_list(alpha_ci95(counts, prompt, seed=seed)),
        "agreement": int((counts * (counts - 1)).sum()) / pairs if pairs else None,
        "items": int((judges > 1).sum()),
        "tau": mean(taus.tau),
        "tau_n": taus.tau.size,
        "tau_ci95": as_list(cluster_ci95(*cluster_totals(taus.tau, taus.prompt), seed=seed)),
        "annotators": {
            name: {
                "n": people[code],
                "tau": mean(taus.tau[(taus.one == code) | (taus.other == code)]),
            }
            for code, name in enumerate(units.annotators)
        },
    }


def _items(units: Units) -> IntArray:
    """What was judged, (pair of runs, prompt), as a number for each unit."""
    m = len(units.runs)
    return (units.first * m + units.second) * max(len(units.prompts), 1) + units.prompt


def _choices(units: Units) -> tuple[IntArray, IntArray]:
    """How many chose second, tie and first of each item, (items, 3), and the item's prompt."""
    items, row = np.unique(_items(units), return_inverse=True)
    counts = np.bincount(row * 3 + units.value + 1, minlength=items.size * 3)
    return counts.reshape(-1, 3).astype(np.int64), items % max(len(units.prompts), 1)


def _taus(units: Units) -> _Taus:
    """Kendall's tau-b of every two annotators on every prompt where both chose.

    From the signs s and t of their choices between the runs that both compared there: sum of s t
    over the root of (sum of s^2)(sum of t^2). On full rankings that is tau-b, ties and all. Where
    one of the two chose nothing but ties there is none.
    """
    item = _items(units)
    people = [np.flatnonzero(units.annotator == code) for code in range(len(units.annotators))]
    found = []
    for one, other in combinations(range(len(people)), 2):
        _, left, right = np.intersect1d(
            item[people[one]], item[people[other]], assume_unique=True, return_indices=True
        )
        s, t = units.value[people[one][left]], units.value[people[other][right]]
        prompt, row = np.unique(units.prompt[people[one][left]], return_inverse=True)
        both, own, theirs = (np.bincount(row, product) for product in (s * t, s * s, t * t))
        said = (own > 0) & (theirs > 0)
        tau = both[said] / np.sqrt(own[said] * theirs[said])
        found.append(
            np.column_stack([np.broadcast_to([one, other], (tau.size, 2)), prompt[said], tau])
        )
    table = np.concatenate([np.zeros((0, 4)), *found])
    one_, other_, prompt_ = table[:, :3].T.astype(np.int64)
    return _Taus(one_, other_, prompt_, table[:, 3])
