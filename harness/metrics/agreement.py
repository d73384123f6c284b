"""Do judges agree? Krippendorff's alpha for nominal data, and how far it could be off."""

from __future__ import annotations

import numpy as np

from harness.metrics.table import FloatArray, IntArray
from harness.metrics.uncertainty import (
    RESAMPLES,
    Interval,
    bootstrap_totals,
    number,
    percentiles95,
)


def alpha(counts: IntArray) -> float | None:
    """Krippendorff's alpha of U units by K categories: how many judges gave which to each.

    1: every unit is given one category by all; 0: no more alike than the categories' shares make
    them; below 0: less. A judge may be missing from any unit; a unit with fewer than two is left
    out. Null where everything left is of one category, or nothing is left. Source: Krippendorff,
    Content Analysis (2004), ch. 11: 1 - observed / expected disagreement, both from the matrix
    of coincidences.
    """
    return number(_alphas(_unit_sums(counts)[0].sum(axis=0, keepdims=True))[0])


def alpha_ci95(
    counts: IntArray, cluster: IntArray, *, seed: int, resamples: int = RESAMPLES
) -> Interval | None:
    """Percentile bootstrap interval of alpha, resampling whole clusters of units.

    `cluster` holds a code for each of the U units. Resamples without an alpha are left out;
    null under two clusters. docs/design.md 5.5.
    """
    sums, kept = _unit_sums(counts)
    if np.unique(cluster[kept]).size < 2:
        return None
    totals = bootstrap_totals(sums, cluster[kept], seed=seed, resamples=resamples)
    return percentiles95(_alphas(totals))


def _unit_sums(counts: IntArray) -> tuple[FloatArray, IntArray]:
    """Of each unit that can agree or not: its K counts and its share of the coincidences of
    equal categories, (units, K + 1); and which units these are."""
    judges = counts.sum(axis=1)
    kept = np.flatnonzero(judges > 1)
    counts, judges = counts[kept], judges[kept]
    equal = (counts * (counts - 1)).sum(axis=1) / (judges - 1)
    return np.column_stack([counts, equal]).astype(np.float64), kept


def _alphas(totals: FloatArray) -> FloatArray:
    """Alpha of each row of summed unit sums; nan where no disagreement is to be expected."""
    categories, equal = totals[:, :-1], totals[:, -1]
    n = categories.sum(axis=1)
    expected = n**2 - (categories**2).sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        found = 1 - (n - 1) * (n - equal) / expected
    return np.asarray(np.where(expected > 0, found, np.nan), np.float64)
