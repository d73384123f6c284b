"""Does a run win as often in one language as in another? The cross-lingual gap of two runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from harness.errors import UsageError, unknown_name
from harness.metrics.arena import Units
from harness.metrics.judge_error import Calibration, finite95, judge_accuracy, without_errors
from harness.metrics.table import FloatArray
from harness.metrics.uncertainty import Stream, as_list, percentiles95
from harness.metrics.wins import count_units, resample

# four samples that know nothing of each other, so four streams
_STREAMS = (
    (Stream.BOOTSTRAP, Stream.CALIBRATION),
    (Stream.SECOND_BOOTSTRAP, Stream.SECOND_CALIBRATION),
)


@dataclass(frozen=True, slots=True)
class _Side:
    """One language: its row of numbers, and the resamples of both win rates, empty if none."""

    row: dict[str, Any]
    drawn: FloatArray
    corrected_drawn: FloatArray


def language_gap(
    units: Units,
    run_a: str,
    run_b: str,
    *,
    seed: int,
    languages: tuple[str, str] = ("zh", "en"),
    judges: Mapping[str, Calibration] | None = None,
) -> dict[str, Any]:
    """The win rate of run_a over run_b in the first language minus that in the second.

    `gap` with `gap_ci95`: percentiles of the difference of independent bootstraps over the
    prompts of each language. `corrected_gap` with `corrected_gap_ci95`: the same of the rates
    corrected for the judge's errors (judge_error.without_errors), where `judges` has a
    calibration for both languages that beats a coin. A language's row has `n` valid units,
    `prompts`, `win_rate`, `ci95`, `judge_accuracy`, `judge_ci95`, `corrected`, `corrected_ci95`
    and `reason`, why it is not corrected. Null where there is nothing to count. Raises UsageError
    for a run that is not in the arena or named twice.
    """
    for run in (run_a, run_b):
        if run not in units.runs:
            raise UsageError(unknown_name("run of the arena", run, units.runs))
    if run_a == run_b:
        raise UsageError(f"a gap is of two runs, and {run_a!r} was named twice")
    one, other = (
        _side(_between(units, run_a, run_b, language), (judges or {}).get(language), seed, streams)
        for language, streams in zip(languages, _STREAMS, strict=True)
    )
    return {
        "runs": [run_a, run_b],
        "languages": dict(zip(languages, (one.row, other.row), strict=True)),
        "gap": _minus(one.row["win_rate"], other.row["win_rate"]),
        "gap_ci95": _ends(one.drawn, other.drawn),
        "corrected_gap": _minus(one.row["corrected"], other.row["corrected"]),
        "corrected_gap_ci95": _ends(one.corrected_drawn, other.corrected_drawn),
    }


def _between(units: Units, run_a: str, run_b: str, language: str) -> Units:
    """The valid units of two runs in one language, run_a being the first of two runs."""
    places = [units.runs.index(run_a), units.runs.index(run_b)]
    low, high = sorted(places)
    code = units.languages.index(language) if language in units.languages else -1
    own = units.where(
        (units.first == low) & (units.second == high) & (units.language == code) & ~units.failed
    )
    sign = 1 if low == places[0] else -1
    zeros = np.zeros(own.value.size, np.int64)
    return replace(own, runs=(run_a, run_b), first=zeros, second=zeros + 1, value=sign * own.value)


def _side(
    units: Units, judge: Calibration | None, seed: int, streams: tuple[Stream, Stream]
) -> _Side:
    n = units.value.size
    rate = float((units.value + 1).mean() / 2) if n else None
    again = resample(units, count_units(units), seed=seed, stream=streams[0])
    drawn = np.empty(0) if again is None else (again.score / again.n)[:, 0]
    accuracy = None if judge is None else judge_accuracy(judge, seed=seed, stream=streams[1])
    corrected, corrected_drawn = None, np.empty(0)
    if rate is not None and accuracy is not None and accuracy.reason is None:
        corrected = float(without_errors(np.array(rate), np.array(accuracy.value)))
        if drawn.size:
            corrected_drawn = without_errors(drawn, accuracy.drawn)
    row = {
        "n": n,
        "prompts": int(np.unique(units.prompt).size),
        "win_rate": rate,
        "ci95": as_list(percentiles95(drawn)),
        "judge_accuracy": None if accuracy is None else accuracy.value,
        "judge_ci95": None if accuracy is None else as_list(accuracy.ci95),
        "corrected": corrected,
        "corrected_ci95": as_list(finite95(corrected_drawn)),
        "reason": "no calibration of the judge" if accuracy is None else accuracy.reason,
    }
    return _Side(row, drawn, corrected_drawn)


def _minus(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else one - other


def _ends(one: FloatArray, other: FloatArray) -> list[float] | None:
    return as_list(finite95(one - other)) if one.size and other.size else None
