"""Every number of an arena's results.json, from its units and the measures of its texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

from harness.metrics.annotators import agreement
from harness.metrics.arena import OrderStats, Units
from harness.metrics.arena_results import arena_results
from harness.metrics.judge_error import Calibration, corrected_win_rates
from harness.metrics.language_gap import language_gap
from harness.metrics.quality import diversity_and_quality, won_texts
from harness.records import Measures

_BOTH = ("zh", "en")


def arena_numbers(
    units: Units,
    order: OrderStats,
    measures: Mapping[str, Sequence[Measures]],
    judges: Mapping[str, Calibration],
    *,
    seed: int,
) -> dict[str, Any]:
    """What docs/design.md 4.6 lists from `runs` on, but for `calibration`.

    `measures` are of each run's texts, empty where nothing was measured; `judges` are the
    calibrations of the judge, by language. `annotators` is null where no people judged,
    `language_gap` where the arena has one language only, `diversity` without measures.
    """
    return {
        **arena_results(units, order, seed=seed),
        "annotators": agreement(units, seed=seed) if any(units.annotators) else None,
        "corrected": {
            language: corrected_win_rates(_in(units, language), judge, seed=seed)
            for language, judge in judges.items()
        },
        "language_gap": _gaps(units, judges, seed),
        "diversity": diversity_and_quality(won_texts(units, measures), seed=seed)
        if any(measures.values())
        else None,
    }


def _in(units: Units, language: str) -> Units:
    return units.where(units.language == units.languages.index(language))


def _gaps(
    units: Units, judges: Mapping[str, Calibration], seed: int
) -> list[dict[str, Any]] | None:
    """The cross-lingual gap of every two runs that met in both languages."""
    if not set(_BOTH) <= set(units.languages):
        return None
    one, other = (
        set(zip(own.first.tolist(), own.second.tolist(), strict=True))
        for own in (_in(units, language) for language in _BOTH)
    )
    return [
        language_gap(units, units.runs[a], units.runs[b], seed=seed, judges=judges)
        for a, b in combinations(range(len(units.runs)), 2)
        if (a, b) in one & other
    ]
