"""results.json of an arena, from its stored verdicts alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from harness.arena.calibration import Calibrations
from harness.metrics.annotators import agreement
from harness.metrics.arena import Units
from harness.metrics.arena_results import arena_results
from harness.metrics.judge_error import corrected_win_rates
from harness.metrics.language_gap import language_gap
from harness.metrics.quality import diversity_and_quality, won_texts
from harness.records import Measures
from harness.reports import write_report
from harness.stored import arena_units

arena_report = write_report
_BOTH = ("zh", "en")


def make_arena_results(
    folder: Path,
    *,
    head: Mapping[str, Any],
    measures: Mapping[str, Sequence[Measures]],
    calibrations: Calibrations | None,
    seed: int,
) -> dict[str, Any]:
    """Everything an arena says (docs/design.md 4.6).

    `head` comes first; `measures` are of each run's texts, empty where nothing was measured;
    `calibrations` those of its judge. `annotators` is null where no people judged, `language_gap`
    where the arena has one language only, `diversity` without measures.
    """
    units, order = arena_units(folder)
    known = calibrations.of if calibrations else {}
    people = [name for name in units.annotators if name]
    return {
        **head,
        **arena_results(units, order, seed=seed),
        "annotators": agreement(units, seed=seed) if people else None,
        "calibration": list(calibrations.rows) if calibrations else [],
        "corrected": {
            language: corrected_win_rates(_in(units, language), judge, seed=seed)
            for language, judge in known.items()
        },
        "language_gap": _gaps(units, known, seed),
        "diversity": diversity_and_quality(won_texts(units, measures), seed=seed)
        if any(measures.values())
        else None,
    }


def _in(units: Units, language: str) -> Units:
    return units.where(units.language == units.languages.index(language))


def _gaps(units: Units, judges: Mapping[str, Any], seed: int) -> list[dict[str, Any]] | None:
    """The cross-lingual gap of every two runs that met in both languages."""
    if not set(_BOTH) <= set(units.languages):
        return None
    met = {
        language: {
            (int(a), int(b)) for a, b in np.unique(np.column_stack([own.first, own.second]), axis=0)
        }
        for language in _BOTH
        for own in (_in(units, language),)
    }
    return [
        language_gap(units, units.runs[a], units.runs[b], seed=seed, judges=judges)
        for a, b in combinations(range(len(units.runs)), 2)
        if all((a, b) in met[language] for language in _BOTH)
    ]
