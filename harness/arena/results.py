"""results.json of an arena, from its stored verdicts alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.arena.calibration import Calibrations
from harness.metrics.arena_numbers import arena_numbers
from harness.records import Measures
from harness.stored import arena_units


def make_arena_results(
    folder: Path,
    *,
    head: Mapping[str, Any],
    measures: Mapping[str, Sequence[Measures]],
    calibrations: Calibrations | None,
    seed: int,
) -> dict[str, Any]:
    """Everything an arena says (docs/design.md 4.6): `head`, then its numbers.

    `measures` are of each run's texts, `calibrations` those of its judge.
    """
    units, order = arena_units(folder)
    judges = calibrations.of if calibrations else {}
    return {
        **head,
        **arena_numbers(units, order, measures, judges, seed=seed),
        "calibration": list(calibrations.rows) if calibrations else [],
    }
