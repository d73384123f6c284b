"""Texts by their length in words: TTR falls from band to band, the robust measures should not."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np

from harness.metrics.quality import correlations, within_ranks
from harness.records import Measures
from harness.reports.overall import Entry
from harness.reports.tables import Column, Table, from_records

EDGES = (100, 200, 400, 800, 1600, 3200)
BANDS = (
    f"under {EDGES[0]}",
    *(f"{low:,} to {high - 1:,}" for low, high in pairwise(EDGES)),
    f"{EDGES[-1]:,} and more",
)
NOTE = (
    "TTR falls as texts grow, whoever writes; MATTR-50, MTLD, HD-D-42 and distinct-2 (first 200 "
    "words) are made to hold still."
)
_MEANS = ("chars", "words", "tokens", "ttr", "mattr50", "mtld", "hdd42", "distinct2")
_SHARES = {"wrong_language": "wrong_language", "repetition": "runaway"}
_COUNTS = {"empty": "empty", "truncated": "truncated", "refusals": "refusal"}
FOLLOWS = (
    Column("model", "model", "name"),
    Column("n", "texts", "count"),
    Column("ttr", "TTR", "ratio"),
    Column("mattr50", "MATTR\n50", "ratio"),
    Column("mtld", "MTLD", "ratio"),
    Column("hdd42", "HD-D\n42", "ratio"),
    Column("distinct2", "distinct\n2", "ratio"),
)


def banded(rows: Sequence[Measures]) -> Mapping[str, dict[str, Any]]:
    """The bands that have texts, with the columns of a genre: means over defined values."""
    found: dict[str, list[Measures]] = {}
    for row in rows:
        found.setdefault(BANDS[bisect_right(EDGES, row.words)], []).append(row)
    return {name: _numbers(own) for name, own in found.items()}


def _numbers(rows: Sequence[Measures]) -> dict[str, Any]:
    return {
        "n": len(rows),
        "prompts": len({row.prompt_id for row in rows}),
        **{name: _mean([getattr(row, name) for row in rows]) for name in _MEANS},
        **{name: _mean([getattr(row, field) for row in rows]) for name, field in _SHARES.items()},
        **{name: sum(getattr(row, field) for row in rows) for name, field in _COUNTS.items()},
    }


def _mean(values: Sequence[float | None]) -> float | None:
    known = [float(value) for value in values if value is not None]
    return sum(known) / len(known) if known else None


def follows_length(entries: Sequence[Entry]) -> Table:
    """Spearman's correlation of each measure with the number of words; a row a run."""
    records = []
    for entry in entries:
        assert entry.measures is not None
        rows = entry.measures()
        found = {column.key: _rank_correlation(rows, column.key) for column in FOLLOWS[2:]}
        records.append({"model": entry.label, "n": len(rows), **found})
    title = f"{entries[0].task}: rank correlation with the number of words"
    return replace(from_records(title, FOLLOWS, records), notes=(NOTE,))


def _rank_correlation(rows: Sequence[Measures], name: str) -> float | None:
    """Spearman's rho of a measure and words over the texts that have it; None where one of the
    two is constant."""
    points = [(row.words, value) for row in rows if (value := getattr(row, name)) is not None]
    if not points:
        return None
    words, values = np.array(points, np.float64).T
    one = np.zeros(words.size, np.int64)
    rho = float(correlations(within_ranks(words, one), within_ranks(values, one), one)[0])
    return None if np.isnan(rho) else rho
