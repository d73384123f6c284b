"""Builds small runs for the tests of reports: tables in memory, or a finished run folder."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from harness.metrics.preference import METRICS, preference_results
from harness.metrics.table import PairTable, VerdictTable, pair_table, verdict_table
from harness.records import Order, Outcome, PairFacts, Verdict

Row = dict[str, Any]
Lines = tuple[list[bytes], list[bytes]]

PAIR = PairFacts(
    pair_id="p",
    prompt_id="q",
    tag="t",
    genre="Fiction",
    language="en",
    cluster=0,
    chosen_id="x",
    rejected_id="y",
    chosen_chars=100,
    rejected_chars=100,
    chosen_model=None,
    rejected_model=None,
    chosen_score=None,
    rejected_score=None,
)
SHORT: dict[str, Outcome] = {
    "c": "chosen",
    "r": "rejected",
    "t": "tie",
    "u": "unparsed",
    "e": "error",
}
ORDERS: tuple[Order, Order] = ("chosen_first", "rejected_first")


def _lines(outcomes: Sequence[str], rows: Sequence[Row] | None) -> Lines:
    """A pair an outcome, each in a cluster of its own; "c" is one verdict, "cr" both orders."""
    pairs, verdicts = [], []
    for place, letters in enumerate(outcomes):
        pair = replace(PAIR, pair_id=f"p{place}", cluster=place)
        pair = replace(pair, **rows[place]) if rows else pair
        pairs.append(_line(pair))
        for order, letter in zip(ORDERS if letters[1:] else [None], letters, strict=True):
            own = (pair.pair_id, pair.prompt_id, pair.tag, pair.genre, pair.language)
            verdicts.append(_line(Verdict(*own, order=order, outcome=SHORT[letter])))
    return pairs, verdicts


def _line(record: PairFacts | Verdict) -> bytes:
    return json.dumps(asdict(record), ensure_ascii=False).encode() + b"\n"


@pytest.fixture(scope="session")
def make_tables() -> Callable[..., tuple[PairTable, VerdictTable]]:
    """(outcomes, rows=None) -> the tables of such a run."""

    def make(
        outcomes: Sequence[str], rows: Sequence[Row] | None = None
    ) -> tuple[PairTable, VerdictTable]:
        pairs, verdicts = _lines(outcomes, rows)
        table = pair_table(pairs)
        return table, verdict_table(table, verdicts)

    return make


@pytest.fixture(scope="session")
def make_results(make_tables: Callable[..., Any]) -> Callable[..., dict[str, Any]]:
    """(outcomes, rows=None, model=..., **data) -> its results.json."""

    def make(
        outcomes: Sequence[str],
        rows: Sequence[Row] | None = None,
        *,
        model: str = "m",
        task: str = "demo_en",
        judge: str | None = None,
        language: str = "en",
        **data: Any,
    ) -> dict[str, Any]:
        pairs, verdicts = make_tables(outcomes, rows)
        numbers = preference_results(pairs, verdicts, metrics=list(METRICS), seed=0)
        counts = {"n": len(outcomes), "prompts": len(outcomes)}
        clusters = len(set(pairs.cluster.tolist()))
        return {
            "schema": 1,
            "task": task,
            "kind": "preference",
            "language": language,
            "model": {"name": model, "backend": "hf"},
            "judge": {"name": judge, "sha256": "0" * 64} if judge else None,
            "data": {"file": "f.json", "sha256": "a" * 64, "replaced": False, **counts}
            | {"clusters": clusters}
            | data,
            **numbers,
        }

    return make


@pytest.fixture(scope="session")
def make_run(make_results: Callable[..., dict[str, Any]]) -> Callable[..., Path]:
    """(folder, outcomes, rows=None, ...) -> a finished run folder as the runner leaves one."""

    def make(
        folder: Path, outcomes: Sequence[str], rows: Sequence[Row] | None = None, **named: Any
    ) -> Path:
        folder.mkdir(parents=True)
        pairs, verdicts = _lines(outcomes, rows)
        (folder / "pairs.jsonl").write_bytes(b"".join(pairs))
        (folder / "verdicts.jsonl").write_bytes(b"".join(verdicts))
        results = make_results(outcomes, rows, **named)
        (folder / "results.json").write_text(json.dumps(results))
        (folder / "manifest.json").write_text(json.dumps({"status": "finished"}))
        return folder

    return make
