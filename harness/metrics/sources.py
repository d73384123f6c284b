"""Whose texts win: accuracy by the model that wrote them, and a judge's favour for its own kind."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from harness.metrics.accuracy import mean, pair_values
from harness.metrics.preference import grouped
from harness.metrics.table import (
    CHOSEN,
    REJECTED,
    BoolArray,
    FloatArray,
    IntArray,
    PairTable,
    VerdictTable,
)
from harness.metrics.uncertainty import as_list, bootstrap_totals, number, percentiles95

UNKNOWN = "(unknown)"
_ARRAYS: tuple[str, ...] = ("genre", "tag", "cluster", "chosen_chars", "rejected_chars", "gap")
_ARRAYS += ("chosen_model", "rejected_model")


def self_preference(
    pairs: PairTable, verdicts: VerdictTable, own: BoolArray, seed: int
) -> dict[str, Any] | None:
    """Whether a judge favours texts of its own family of models (docs/design.md 5.14).

    `own` says of each name in `pairs.models` whether it is of the family; a text of unknown
    source is not. Over the pairs with exactly one text of the family, null where there is none:
    `models`, the names of the family; `n` pairs; `clusters`. Over their decided verdicts (ties
    and failures aside): `picked_by_people` and `picked_by_model`, the shares in which either
    takes the family's text; `favour`, the model's less the people's, with `ci95`;
    `balanced_favour` with `balanced_ci95`: the same if people had taken the family's text half
    of the time, which is 0 for a judge that errs as often on either side (plain errors pull the
    share picked towards one half, and so look like favour where people like the family less).
    `accuracy_own_chosen`, `accuracy_own_rejected`: mean pair value where the family's text is
    that side. Intervals resample clusters; null under two. Null where there is nothing to count.
    """
    known = np.append(own, False)  # -1, an unknown source, is the last
    chosen, rejected = known[pairs.chosen_model], known[pairs.rejected_model]
    one = chosen != rejected
    if not one.any():
        return None
    decided = (verdicts.outcome <= REJECTED) & one[verdicts.pair]
    row = verdicts.pair[decided]
    liked = chosen[row]  # people took the family's text
    picked = (verdicts.outcome[decided] == CHOSEN) == liked
    sums = np.stack([liked & picked, liked, ~liked & picked, ~liked], axis=1).astype(np.float64)
    total = sums.sum(axis=0, keepdims=True)
    favour, balanced = (number(column[0]) for column in _favours(total))
    clusters = pairs.cluster[row]
    draws = (np.empty(0), np.empty(0))
    if np.unique(clusters).size > 1:
        draws = _favours(bootstrap_totals(sums, clusters, seed=seed))
    values = pair_values(pairs, verdicts)
    return {
        "models": [name for name, is_own in zip(pairs.models, own, strict=True) if is_own],
        "n": int(one.sum()),
        "clusters": int(np.unique(pairs.cluster[one]).size),
        "picked_by_people": mean(liked),
        "picked_by_model": mean(picked),
        "favour": favour,
        "ci95": as_list(percentiles95(draws[0])),
        "balanced_favour": balanced,
        "balanced_ci95": as_list(percentiles95(draws[1])),
        "accuracy_own_chosen": mean(values[one & chosen]),
        "accuracy_own_rejected": mean(values[one & rejected]),
    }


def _favours(sums: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Favour and balanced favour of rows of four sums: own picked where people took it, times
    people took it, own picked where they did not, times they did not; nan over nothing."""
    liked_picked, liked, other_picked, other = sums.T
    with np.errstate(invalid="ignore", divide="ignore"):
        favour = (liked_picked + other_picked - liked) / (liked + other)
        balanced = (liked_picked / liked + other_picked / other - 1) / 2
    return favour, balanced


def by_source(
    pairs: PairTable, verdicts: VerdictTable, *, seed: int = 0
) -> dict[str, dict[str, Any]]:
    """A row of numbers for each source model of the texts, unknown sources last.

    The keys of `grouped` are over all pairs in which the source wrote a side, a pair of two such
    texts once; `n_chosen`, `accuracy_chosen`, `n_rejected`, `accuracy_rejected` over those where
    it wrote that side. `picked_by_people`, `picked_by_model` and `favour` as in
    `self_preference`, for the source alone.
    """
    names = (*pairs.models, UNKNOWN)
    unknown = len(pairs.models)
    chosen = np.where(pairs.chosen_model < 0, unknown, pairs.chosen_model)
    rejected = np.where(pairs.rejected_model < 0, unknown, pairs.rejected_model)
    by_chosen = grouped(pairs, verdicts, chosen, names, seed=seed)
    by_rejected = grouped(pairs, verdicts, rejected, names, seed=seed)
    either = grouped(*_doubled(pairs, verdicts, chosen, rejected), names, seed=seed)
    people, model, favour = _picks(verdicts, chosen, rejected, len(names))
    rows = {}
    for code, name in enumerate(names):
        if name not in either:
            continue
        one, other = by_chosen.get(name, {}), by_rejected.get(name, {})
        rows[name] = either[name] | {
            "n_chosen": one.get("n", 0),
            "accuracy_chosen": one.get("accuracy"),
            "n_rejected": other.get("n", 0),
            "accuracy_rejected": other.get("accuracy"),
            "picked_by_people": people[code],
            "picked_by_model": model[code],
            "favour": favour[code],
        }
    return rows


def _doubled(
    pairs: PairTable, verdicts: VerdictTable, chosen: IntArray, rejected: IntArray
) -> tuple[PairTable, VerdictTable, IntArray]:
    """Each pair once under its chosen source and once under its rejected one, where they differ."""
    n = chosen.size
    again = np.flatnonzero(chosen != rejected)
    rows = np.concatenate([np.arange(n), again])
    copy = np.full(n, -1, dtype=np.int64)
    copy[again] = n + np.arange(again.size)
    repeated = np.flatnonzero(copy[verdicts.pair] >= 0)
    columns = {name: getattr(pairs, name)[rows] for name in _ARRAYS}
    twice = replace(pairs, pair_id=[pairs.pair_id[row] for row in rows], **columns)
    of_verdict = np.concatenate([np.arange(verdicts.pair.size), repeated])
    return (
        twice,
        VerdictTable(
            pair=np.concatenate([verdicts.pair, copy[verdicts.pair[repeated]]]),
            order=verdicts.order[of_verdict],
            repeat=verdicts.repeat[of_verdict],
            outcome=verdicts.outcome[of_verdict],
            truncated=verdicts.truncated[of_verdict],
        ),
        np.concatenate([chosen, rejected[again]]),
    )


def _picks(
    verdicts: VerdictTable, chosen: IntArray, rejected: IntArray, width: int
) -> tuple[list[float | None], list[float | None], list[float | None]]:
    """Shares in which people and the model take each source's text, and the model's less the
    people's, over decided verdicts with two sources."""
    counts = (verdicts.outcome <= REJECTED) & (chosen != rejected)[verdicts.pair]
    winner, loser = chosen[verdicts.pair[counts]], rejected[verdicts.pair[counts]]
    picked = np.where(verdicts.outcome[counts] == CHOSEN, winner, loser)
    people, model = np.bincount(winner, minlength=width), np.bincount(picked, minlength=width)
    shown = people + np.bincount(loser, minlength=width)
    return _shares(people, shown), _shares(model, shown), _shares(model - people, shown)


def _shares(part: IntArray, whole: IntArray) -> list[float | None]:
    return [float(k / n) if n else None for k, n in zip(part, whole, strict=True)]
