"""The numbers of an arena: win matrices, strengths, genres and languages of results.json."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np

from harness.metrics.arena import OrderStats, Units
from harness.metrics.bradley_terry import bradley_terry, connected
from harness.metrics.preference import UNDERPOWERED
from harness.metrics.wins import (
    count_matrices,
    count_units,
    judged_again,
    p_matrices,
    pair_tests,
    resample,
    win_ci95,
)


def arena_results(units: Units, order: OrderStats, *, seed: int) -> dict[str, Any]:
    """What an arena's results.json says of its runs (docs/design.md 4.6), as plain JSON types.

    `runs` names the M rows and columns of every matrix: those of wins.count_matrices,
    wins.p_matrices and `win_ci95`. `bradley_terry` has a row a run; `connected` says whether
    meetings link all runs, without which there are no strengths. `prompts` and `units` are
    counts, failed units among them; `order` is an OrderStats. `languages` has all of this for
    each language by itself (but `runs` and `order`), `genres` the count matrices, `prompts`,
    `units` and `underpowered`: the mean half-width of wilson95 over the pairs of runs that met is
    over 0.10, or none met. `seed` (0 or more) is behind every resample and flip.
    """
    # one rule for all parts of one arena
    again = judged_again(units)
    whole = _numbers(units, by_prompt=again, seed=seed)
    languages = {units.languages[code]: units.language == code for code in _there(units.language)}
    genres = {units.genres[code]: units.genre == code for code in _there(units.genre)}
    return {
        "runs": list(units.runs),
        **whole,
        "order": asdict(order),
        "genres": {name: _genre(units.where(own)) for name, own in genres.items()},
        "languages": {
            name: whole
            if len(languages) == 1
            else _numbers(units.where(own), by_prompt=again, seed=seed)
            for name, own in languages.items()
        },
    }


def _numbers(units: Units, *, by_prompt: bool, seed: int) -> dict[str, Any]:
    m = len(units.runs)
    counts = count_units(units)
    tests = pair_tests(units, counts, by_prompt=by_prompt, seed=seed)
    drawn = resample(units, counts, seed=seed)
    return {
        **count_matrices(counts),
        "win_ci95": win_ci95(drawn, m),
        **p_matrices(tests, m),
        "bradley_terry": bradley_terry(units.runs, counts, tests, drawn),
        "connected": connected(counts.n > 0),
        **_size(units),
    }


def _genre(units: Units) -> dict[str, Any]:
    found = count_matrices(count_units(units))
    widths = [(ends[1] - ends[0]) / 2 for row in found["wilson95"] for ends in row if ends]
    return {
        **found,
        **_size(units),
        "underpowered": not widths or float(np.mean(widths)) > UNDERPOWERED,
    }


def _size(units: Units) -> dict[str, int]:
    return {"prompts": int(np.unique(units.prompt).size), "units": int(units.prompt.size)}


def _there(codes: np.typing.NDArray[np.int64]) -> list[int]:
    """The codes that occur."""
    return [int(code) for code in np.unique(codes)]
