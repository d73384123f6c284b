"""The numbers of a preference run: its metrics, its genres, its tags."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import fields, replace
from typing import Any

import numpy as np

from harness.errors import DataError, UsageError, unknown_name
from harness.metrics.accuracy import accuracy, failures, mean, order, pair_values
from harness.metrics.genres import genres
from harness.metrics.length import length
from harness.metrics.repeats import repeats
from harness.metrics.table import (
    ERROR,
    OUTCOMES,
    TIE,
    UNPARSED,
    IntArray,
    PairTable,
    VerdictTable,
)
from harness.metrics.uncertainty import (
    FEWEST_CLUSTERS,
    as_list,
    cluster_ci95,
    cluster_totals,
    uncertainty,
    wilson95,
)

Metric = Callable[[PairTable, VerdictTable, int], dict[str, Any]]

METRICS: Mapping[str, Metric] = {
    "accuracy": accuracy,
    "uncertainty": uncertainty,
    "genres": genres,
    "failures": failures,
    "order": order,
    "length": length,
    "repeats": repeats,
}

UNDERPOWERED = 0.10  # half-width of a Wilson interval over which a row ranks nothing
_TAG_KEYS = ("n", "clusters", "accuracy", "wilson95", "ties")


def preference_results(
    pairs: PairTable,
    verdicts: VerdictTable,
    *,
    metrics: Sequence[str],
    seed: int,
    partial: bool = False,
) -> dict[str, Any]:
    """The keys metrics, genres and tags of results.json (docs/design.md 4.4), as plain JSON types.

    `metrics` are names in METRICS, `seed` (0 or more) is behind every resample. Raises
    UsageError for an unknown metric, and DataError for a pair with fewer verdicts than others:
    leaving verdicts out would change the accuracy. With `partial` the pairs that have a verdict
    are counted and the others left out.
    """
    for name in metrics:
        if name not in METRICS:
            raise UsageError(unknown_name("metric", name, METRICS))
    if partial:
        pairs, verdicts = judged(pairs, verdicts)
    else:
        _refuse_gaps(pairs, verdicts)
    numbers: dict[str, Any] = {}
    for name in metrics:
        numbers |= METRICS[name](pairs, verdicts, seed)
    tags = grouped(pairs, verdicts, pairs.tag, pairs.tags, seed=seed)
    return {
        "metrics": numbers,
        "genres": grouped(pairs, verdicts, pairs.genre, pairs.genres, seed=seed),
        "tags": {name: {key: row[key] for key in _TAG_KEYS} for name, row in tags.items()},
    }


def grouped(
    pairs: PairTable,
    verdicts: VerdictTable,
    codes: IntArray,
    names: Sequence[str],
    *,
    seed: int = 0,
) -> dict[str, dict[str, Any]]:
    """A row of numbers for each group of pairs, in the order of `names`.

    `codes` gives each of the N pairs its place in `names`, or -1 for none: genres, tags, length
    or gap classes, source models. A group without pairs has no row. Keys: `n` pairs,
    `clusters`, `accuracy`, `accuracy_half`, `wilson95`, `ci95` (null under 10 clusters, where a
    percentile bootstrap is too narrow), `ties`, `unparsed`, `errors` (counts of verdicts),
    `underpowered` (half-width of wilson95 over 0.10). Source: docs/design.md 4.4.
    """
    values = pair_values(pairs, verdicts)
    halves = pair_values(pairs, verdicts, tie=0.5)
    counts = _outcomes(verdicts, codes, len(names))
    rows: dict[str, dict[str, Any]] = {}
    for code, members in _members(codes, len(names)):
        own = values[members]
        sums, sizes = cluster_totals(own, pairs.cluster[members])
        wilson = wilson95(float(own.sum()), own.size)
        few = sizes.size < FEWEST_CLUSTERS
        rows[names[code]] = {
            "n": own.size,
            "clusters": sizes.size,
            "accuracy": mean(own),
            "accuracy_half": mean(halves[members]),
            "wilson95": as_list(wilson),
            "ci95": None if few else as_list(cluster_ci95(sums, sizes, seed=seed)),
            "ties": int(counts[code, TIE]),
            "unparsed": int(counts[code, UNPARSED]),
            "errors": int(counts[code, ERROR]),
            "underpowered": wilson is not None and (wilson[1] - wilson[0]) / 2 > UNDERPOWERED,
        }
    return rows


def judged(pairs: PairTable, verdicts: VerdictTable) -> tuple[PairTable, VerdictTable]:
    """The pairs that have a verdict, and the verdicts with their rows renumbered."""
    kept = np.unique(verdicts.pair)
    columns = {
        field.name: getattr(pairs, field.name)[kept]
        for field in fields(pairs)
        if isinstance(getattr(pairs, field.name), np.ndarray)
    }
    ids = [pairs.pair_id[row] for row in kept.tolist()]
    rows = np.searchsorted(kept, verdicts.pair)
    return replace(pairs, pair_id=ids, **columns), replace(verdicts, pair=rows)


def _refuse_gaps(pairs: PairTable, verdicts: VerdictTable) -> None:
    """A pair with fewer verdicts than another is a run that is not over, or one cut to fit."""
    counts = np.bincount(verdicts.pair, minlength=len(pairs.pair_id))
    most = max(1, int(counts.max(initial=1)))
    if (counts == most).all():
        return
    row = int(np.argmin(counts))
    raise DataError(
        f"verdicts.jsonl: pair {pairs.pair_id[row]!r} has {counts[row]} of {most} verdicts "
        f"({int((counts < most).sum())} of {counts.size} pairs lack some): the run is not "
        "finished; the same command goes on with it"
    )


def _members(codes: IntArray, groups: int) -> Iterator[tuple[int, IntArray]]:
    """The rows of each group that has any, in file order, by one sort over all pairs."""
    turn = np.argsort(codes, kind="stable")
    ends = np.searchsorted(codes[turn], np.arange(groups + 1))
    for code in range(groups):
        if ends[code] < ends[code + 1]:
            yield code, turn[ends[code] : ends[code + 1]]


def _outcomes(verdicts: VerdictTable, codes: IntArray, groups: int) -> IntArray:
    """Verdicts by group and outcome, (groups, 5)."""
    group = codes[verdicts.pair]
    cell = (group * len(OUTCOMES) + verdicts.outcome)[group >= 0]
    counts = np.bincount(cell, minlength=groups * len(OUTCOMES)).astype(np.int64)
    return counts.reshape(groups, len(OUTCOMES))
