"""Every number of results.json computed again from the parts, and compared to the last digit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib.metadata import version
from typing import Any

import numpy as np

from harness.data import Dataset
from harness.errors import DataError, UsageError
from harness.families import family_of
from harness.leaderboard.archive import short
from harness.leaderboard.entries import Submission, at
from harness.leaderboard.verify.case import Case
from harness.leaderboard.verify.findings import Finding, note
from harness.leaderboard.verify.verdicts import Setting
from harness.metrics.preference import preference_results
from harness.records import PairFacts, canonical
from harness.results import judge_numbers
from harness.specs import Judge, PairwiseJudge, TaskSpec
from harness.stored import PAIRS, RESULTS

_WHOSE = ("model", "judge", "seed")  # held against the manifest by check_identity


def check_numbers(case: Case, setting: Setting) -> Iterator[Finding]:
    """results.json of a run over pairs, key by key."""
    task = case.standard.task
    assert isinstance(task, TaskSpec)
    try:
        tables = case.submission.tables()
        numbers = preference_results(*tables, metrics=task.metrics, seed=setting.seed)
    except (DataError, UsageError) as error:
        yield Finding("numbers", f"cannot be computed again: {error}", RESULTS)
        return
    expected: dict[str, Any] = {**_head(case), **numbers, "data": _data(case)}
    if setting.judge is not None:
        raw = case.submission.meta.raw
        if not raw and isinstance(setting.judge, PairwiseJudge) and setting.judge.verdict.also:
            yield note("numbers", "rules: not computed again, as the answers were left out")
        expected |= _judge_numbers(case, tables, setting.judge, setting.seed)
        if not raw:
            expected["rules"] = case.results.get("rules")
    yield from told(case.results, expected)


def _judge_numbers(case: Case, tables: Any, judge: Judge, seed: int) -> dict[str, Any]:
    if not case.submission.meta.raw and isinstance(judge, PairwiseJudge):  # no answers, no rules
        verdict = judge.verdict.model_copy(update={"also": ()})
        judge = judge.model_copy(update={"verdict": verdict})
    family = at(case.manifest, "model", "family") or family_of(case.submission.model)
    own = [name for name in tables[0].models if family and family_of(name) == family]
    return judge_numbers(case.folder, tables, judge, family=family, own=own, seed=seed)


def _head(case: Case) -> dict[str, Any]:
    task = case.standard.task
    fixed = {"schema": 1, "task": task.name, "kind": task.kind, "language": task.language}
    return fixed | {key: case.results.get(key) for key in _WHOSE}


def _data(case: Case) -> dict[str, Any]:
    """results.data: what follows from pairs.jsonl, what from the file, and the rest as stored."""
    stored = at(case.results, "data")
    pairs = list(case.submission.records(PAIRS, PairFacts))
    found = {
        "n": len(pairs),
        "clusters": int(np.unique([pair.cluster for pair in pairs]).size),
        "gold_ties": sum(
            pair.chosen_score is not None and pair.chosen_score == pair.rejected_score
            for pair in pairs
        ),
    }
    keys = ("file", "sha256", "prompts", "replaced", "dropped_rows", "left_out")
    found |= {key: at(stored, key) for key in keys}
    data = case.standard.data
    if isinstance(data, Dataset) and at(stored, "sha256") == data.sha256:
        ids = {pair.pair_id for pair in pairs}
        found["prompts"] = len({pair.prompt for pair in data.pairs if pair.pair_id in ids})
        found["left_out"] = len(data.pairs) - len(pairs)
        found["dropped_rows"] = data.dropped_rows
    return found


def told(stored: Mapping[str, Any], expected: Mapping[str, Any]) -> Iterator[Finding]:
    """Each number that differs, by its path; a note where another version computed them."""
    for path, one, other in differences(stored, expected, ""):
        yield Finding("numbers", f"{path}: {_value(one)}, computed again {_value(other)}", RESULTS)


def _value(value: Any) -> str:
    return "not there" if value is _ABSENT else short(value)


_ABSENT = object()


def differences(stored: Any, expected: Any, path: str) -> Iterator[tuple[str, Any, Any]]:
    """(path, stored, expected) of every leaf that differs; objects are followed, lists are not."""
    if isinstance(stored, Mapping) and isinstance(expected, Mapping):
        for key in sorted({*stored, *expected}, key=str):
            name = key if str(key).isidentifier() else short(key)
            inner = f"{path}.{name}" if path else name
            yield from differences(stored.get(key, _ABSENT), expected.get(key, _ABSENT), inner)
    elif stored is _ABSENT or expected is _ABSENT or canonical(stored) != canonical(expected):
        yield path, stored, expected


def version_note(submission: Submission) -> Iterator[Finding]:
    """Where another version packed the file: its numbers may differ for that alone."""
    theirs, ours = submission.meta.harness, version("writing-harness")
    if theirs != ours:
        yield note("numbers", f"packed by version {short(theirs)}, and this is {ours}")
