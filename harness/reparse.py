"""Verdicts read again from stored answers, by another rule or another file: no call, no model."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.errors import DataError
from harness.metrics.preference import preference_results
from harness.metrics.table import PairTable, VerdictTable, verdict_table
from harness.records import Rating, canonical
from harness.specs import LabelVerdict, NumberVerdict, Rule
from harness.stored import PAIRS, SCORES, VERDICTS
from harness.verdicts import compare_ratings, outcome_of, parse_pick, parse_rating

# what is said of a further rule in results.json
RULE_METRICS = ("accuracy", "uncertainty", "failures", "order")
RULE_KEYS = (
    "accuracy", "accuracy_half", "accuracy_both", "accuracy_valid", "wilson95", "ci95", "ties",
    "unparsed", "errors", "coverage", "bounds", "consistency", "first_pick_rate",
)  # fmt: skip


def reread_picks(
    folder: Path, verdict: LabelVerdict, rule: Rule | None = None
) -> Iterator[dict[str, Any]]:
    """The lines of verdicts.jsonl of a pairwise judge with outcome and reason read anew.

    An error stays one: there is no answer to read.
    """
    for line in _answers(folder / VERDICTS):
        if line["outcome"] != "error":
            pick = parse_pick(verdict, line["raw"] or "", line["finish_reason"], rule)
            line |= {"outcome": outcome_of(pick, line["order"]), "reason": pick.reason}
        yield line


def reread_ratings(folder: Path, verdict: NumberVerdict) -> Iterator[Rating]:
    """The lines of scores.jsonl of a pointwise judge with score and status read anew."""
    for line in _answers(folder / SCORES):
        if line["status"] != "error":
            score, reason = parse_rating(verdict, line["raw"] or "", line["finish_reason"])
            status = "unparsed" if score is None else "ok"
            line |= {"score": score, "status": status, "reason": reason}
        yield Rating(**line)


def rated(folder: Path, ratings: Mapping[tuple[str, int], Rating]) -> Iterator[dict[str, Any]]:
    """The lines of verdicts.jsonl of a pointwise judge by these ratings of (text, repeat)."""
    sides = {
        line["pair_id"]: (line["chosen_id"], line["rejected_id"])
        for line in read_lines(folder / PAIRS)
    }
    for line in read_lines(folder / VERDICTS):
        try:
            chosen, rejected = (ratings[side, line["repeat"]] for side in sides[line["pair_id"]])
        except KeyError as missing:
            raise DataError(
                f"{folder}: no rating for {missing} of {VERDICTS}; run the same command again "
                "with --fresh"
            ) from None
        outcome, margin, reason = compare_ratings(chosen, rejected)
        yield line | {"outcome": outcome, "margin": margin, "reason": reason}


def rules(
    folder: Path, pairs: PairTable, verdict: LabelVerdict, *, seed: int
) -> dict[str, dict[str, Any]]:
    """The main numbers by every further rule of a judge file (`also`)."""
    found: dict[str, dict[str, Any]] = {}
    for rule in verdict.also:
        lines = (canonical(line).encode() for line in reread_picks(folder, verdict, rule))
        table = verdict_table(pairs, lines)
        found[rule] = _numbers(pairs, table, RULE_METRICS, seed)
    return found


def _numbers(
    pairs: PairTable, table: VerdictTable, metrics: Sequence[str], seed: int
) -> dict[str, Any]:
    numbers: Mapping[str, Any] = preference_results(pairs, table, metrics=metrics, seed=seed)
    return {key: numbers["metrics"][key] for key in RULE_KEYS}


def _answers(path: Path) -> Iterator[dict[str, Any]]:
    """The lines of a judge's answers; a DataError where an answer is not what one is."""
    for number, line in enumerate(read_lines(path), 1):
        for field in ("raw", "finish_reason"):
            if not isinstance(line.get(field, 0), str | None):
                raise DataError(f"{path}, line {number}, field {field}: not a string or null")
        yield line


def read_lines(path: Path) -> Iterator[dict[str, Any]]:
    """The objects of a JSONL file of a finished run."""
    try:
        stream = path.open("rb")
    except FileNotFoundError:
        raise DataError(f"{path}: not there any more; --fresh starts over") from None
    with stream:
        for number, raw in enumerate(stream, 1):
            try:
                yield json.loads(raw)
            except ValueError:
                raise DataError(f"{path}, line {number}: damaged") from None
