"""A panel of finished runs over the same pairs: its verdicts, its numbers, its best member."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np

from harness.errors import DataError, UsageError
from harness.metrics.accuracy import pair_values
from harness.metrics.agreement import alpha, alpha_ci95
from harness.metrics.panel import (
    Ballot,
    Overlap,
    ballot,
    counted,
    overlap,
    panel_verdicts,
)
from harness.metrics.preference import METRICS, preference_results
from harness.metrics.table import IntArray, VerdictTable
from harness.metrics.uncertainty import Interval
from harness.reports.comparison import RunComparison, compare_runs, refuse_other_pairs, same_order
from harness.stored import FinishedRun


@dataclass(frozen=True, slots=True)
class Agreement:
    """Krippendorff's alpha of all members (`members` empty) or of two, by their places.

    `units` are the cells with two valid votes or more, `alike` the share of pairs of votes in
    them that are the same.
    """

    members: tuple[int, ...]
    alpha: float | None
    ci95: Interval | None
    units: int
    alike: float | None


@dataclass(frozen=True, slots=True)
class Panel:
    """M members in the order given, and what they say together.

    `results` are the panel's, as a results.json; `members` those of the runs, `folders` the names
    of their folders. `cells` is the
    number of (pair, order). `agreements` begin with that of all. `best` is the place of the
    member with the highest accuracy, `against_best` the panel held against it, and `as_half` the
    same with a tie worth half a point.
    """

    label: str
    labels: tuple[str, ...]
    results: dict[str, Any]
    members: tuple[dict[str, Any], ...]
    folders: tuple[str, ...]
    cells: int
    quorum: int
    agreements: tuple[Agreement, ...]
    overlap: Overlap
    best: int
    against_best: RunComparison
    as_half: RunComparison


def make_panel(
    runs: Sequence[FinishedRun], labels: Sequence[str], *, quorum: int | None, seed: int
) -> Panel:
    """The panel of two or more finished runs (docs/design.md 5.13).

    `quorum` is the number of valid votes that a verdict takes, by default more than half of the
    runs. Raises UsageError for a quorum that is no number of runs, DataError for runs that are
    not over the same pairs in the same orders.
    """
    needed = len(runs) // 2 + 1 if quorum is None else quorum
    if not 1 <= needed <= len(runs):
        raise UsageError(f"--quorum {needed}: must be from 1 to the number of runs, {len(runs)}")
    refuse_other_pairs(runs, labels)
    if not runs[0].pairs.pair_id:
        raise DataError("the runs have no pair: there is nothing to vote on")
    votes = ballot(_aligned(runs), labels)
    verdicts = panel_verdicts(votes, quorum=needed)
    pairs = runs[0].pairs
    numbers = preference_results(pairs, verdicts, metrics=list(METRICS), seed=seed)
    label = f"panel of {len(runs)}"
    results = {
        **{key: runs[0].results[key] for key in ("task", "language", "data")},
        "model": {"name": label, "backend": "panel"},
        "judge": None,
        "seed": seed,
        **numbers,
    }
    whole = replace(runs[0], manifest={}, results=results, verdicts=verdicts)
    accuracies = [float(pair_values(run.pairs, run.verdicts).mean()) for run in runs]
    best = int(np.argmax(accuracies))
    both = [whole, runs[best]]
    return Panel(
        label=label,
        labels=tuple(labels),
        results=results,
        members=tuple(run.results for run in runs),
        folders=tuple(run.folder.resolve().name for run in runs),
        cells=votes.pair.size,
        quorum=needed,
        agreements=_agreements(votes, pairs.cluster[votes.pair], seed),
        overlap=overlap(votes, verdicts),
        best=best,
        against_best=compare_runs(both, (label, labels[best]), seed=seed),
        as_half=compare_runs(both, (label, labels[best]), seed=seed, tie=0.5),
    )


def _aligned(runs: Sequence[FinishedRun]) -> list[VerdictTable]:
    """The verdicts of every run with the rows of the first run's pairs."""
    found = []
    for run, rows in zip(runs, same_order(runs), strict=True):
        place = np.empty(rows.size, np.int64)
        place[rows] = np.arange(rows.size)
        found.append(replace(run.verdicts, pair=place[run.verdicts.pair]))
    return found


def _agreements(votes: Ballot, cluster: IntArray, seed: int) -> tuple[Agreement, ...]:
    members = range(votes.votes.shape[1])
    two = combinations(members, 2) if len(members) > 2 else ()
    return tuple(_agreement(votes, group, cluster, seed) for group in ((), *two))


def _agreement(votes: Ballot, members: tuple[int, ...], cluster: IntArray, seed: int) -> Agreement:
    counts = counted(votes.votes[:, list(members)] if members else votes.votes)
    judges = counts.sum(axis=1)
    alike, all_pairs = (counts * (counts - 1)).sum(), (judges * (judges - 1)).sum()
    return Agreement(
        members=members,
        alpha=alpha(counts),
        ci95=alpha_ci95(counts, cluster, seed=seed),
        units=int((judges > 1).sum()),
        alike=float(alike / all_pairs) if all_pairs else None,
    )
