"""The table with one row a source model: is its text told from others', and is it favoured?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from harness.metrics.preference import grouped
from harness.metrics.table import CHOSEN, REJECTED, IntArray, PairTable, VerdictTable
from harness.reports.groups import IDENTITY, identity, nested
from harness.reports.overall import Entry
from harness.reports.tables import Column, Table, from_records

SOURCES = (
    *IDENTITY,
    Column("group", "text by", "name"),
    Column("n_chosen", "n as\nchosen", "count"),
    Column("accuracy_chosen", "right\n%", "percent"),
    Column("n_rejected", "n as\nrejected", "count"),
    Column("accuracy_rejected", "right\n%", "percent"),
    Column("n", "n\nboth", "count"),
    Column("clusters", "clusters", "count"),
    Column("accuracy", "right\n%", "percent"),
    Column("wilson95", "Wilson\n95%", "interval"),
    Column("ci95", "bootstrap\n95%", "interval"),
    Column("picked_by_people", "people\npick %", "percent"),
    Column("picked_by_model", "model\npicks %", "percent"),
    Column("favour", "favour", "points"),
    Column("underpowered", "", "flag"),
)
_SIDES = ("n_chosen", "accuracy_chosen", "n_rejected", "accuracy_rejected")
SIDES_NOTE = (
    "as chosen, as rejected: pairs in which this source wrote that side; both: either, a pair of "
    "two such texts once."
)
FAVOUR_NOTE = (
    "How often people and the model take this source's text when the other side is someone "
    "else's (ties and failed verdicts aside); favour is the model's share less the people's."
)
UNKNOWN = "(unknown)"
_ARRAYS: tuple[str, ...] = ("genre", "tag", "cluster", "chosen_chars", "rejected_chars", "gap")
_ARRAYS += ("chosen_model", "rejected_model")


def source_table(entries: Sequence[Entry], *, seed: int = 0) -> Table:
    """Every source model under every run; unknown sources last."""
    of_run = [_sources(entry, seed) for entry in entries]
    names = sorted({n for rows in of_run for n in rows}, key=lambda n: (n == UNKNOWN, n))
    records = [
        rows[name] | identity(entry, "source_model") | {"group": name}
        for name in names
        for entry, rows in zip(entries, of_run, strict=True)
        if name in rows
    ]
    return from_records("", SOURCES, records)


def printed_sources(entries: Sequence[Entry], *, seed: int = 0) -> list[Table]:
    """Two tables that fit a terminal: accuracy by side, and favour."""
    table = source_table(entries, seed=seed)
    several = len(entries) > 1
    of = "" if several else f": {entries[0].label}"
    sides = table.pick(
        f"{entries[0].task} by source model{of}",
        ("group", "model", *_SIDES, "n", "accuracy", "wilson95"),
        notes=[SIDES_NOTE],
    )
    favour = table.pick(
        f"{entries[0].task}: favour for a source model{of}",
        ("group", "model", "picked_by_people", "picked_by_model", "favour"),
        notes=[FAVOUR_NOTE],
    )
    return [nested(sides, several=several), nested(favour, several=several)]


def _sources(entry: Entry, seed: int) -> dict[str, dict[str, Any]]:
    assert entry.tables is not None
    pairs, verdicts = entry.tables()
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
