"""Who a submission says it is: its identity, and whether manifest and results agree on it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from typing import Any

from pydantic import ValidationError

from harness.leaderboard.archive import short
from harness.leaderboard.entries import at
from harness.leaderboard.verify.case import Case
from harness.leaderboard.verify.findings import Finding, note
from harness.records import PairFacts, Prompt, canonical
from harness.spec_files import find_specs, parse_spec
from harness.specs import Judge, PairwiseJudge, PointwiseJudge, spec_sha256
from harness.store import identity_sha256
from harness.stored import MANIFEST, PAIRS, PROMPTS, RESULTS

_JUDGES: dict[Any, type[PairwiseJudge] | type[PointwiseJudge]] = {
    "pairwise": PairwiseJudge,
    "pointwise": PointwiseJudge,
}


def check_identity(case: Case) -> Iterator[Finding]:
    """The manifest's identity against its sum, the results, the task and the parts."""
    manifest, results, identity = case.manifest, case.results, case.identity
    if not identity:
        yield Finding("identity", "no identity", MANIFEST)
        return
    if identity_sha256(identity) != manifest.get("identity_sha256"):
        yield Finding("identity", "identity_sha256 is not the sum of the identity", MANIFEST)
    if manifest.get("status") != "finished" or manifest.get("schema") != 1:
        yield Finding("identity", "not the manifest of a finished run (schema 1)", MANIFEST)
    stored = {
        "seed": results.get("seed"),
        "judge": at(results, "judge", "sha256"),
        "kind": "arena" if case.submission.kind == "arena" else None,
        **(_run_facts(case) if case.submission.kind != "arena" else {}),
    }
    for key, value in stored.items():
        if canonical(identity.get(key)) != canonical(value):
            yield Finding(
                "identity",
                f"identity.{key} is {short(identity.get(key))}, and elsewhere it is {short(value)}",
                MANIFEST,
            )
    for key in ("name", "backend", "revision", "dtype"):
        one, other = at(manifest, "model", key), at(results, "model", key)
        if canonical(one) != canonical(other):
            yield Finding(
                "identity", f"model.{key} is {short(other)}, in {MANIFEST} {short(one)}", RESULTS
            )
    backend = at(dict(identity), "model", "backend")
    if backend is not None and backend != at(results, "model", "backend"):
        yield Finding("identity", f"identity.model is of backend {short(backend)}", MANIFEST)
    if manifest.get("task") != results.get("task"):
        yield Finding("identity", f"task is not that of {RESULTS}", MANIFEST)
    settings = {"seed": results.get("seed")}
    if identity.get("orders") is not None:
        settings["orders"] = identity["orders"]
    for key, value in settings.items():
        if canonical(at(manifest, "settings", key)) != canonical(value):
            yield Finding("identity", f"settings.{key} is not {short(value)}", MANIFEST)
    yield from _check_judge(case)


def _run_facts(case: Case) -> dict[str, Any]:
    """What the identity of a run over a task has to say of it."""
    task, results = case.standard.task, case.results
    found = {
        "task": results.get("task"),
        "task_sha256": spec_sha256(task),
        "data_sha256": at(results, "data", "sha256"),
        "dropped_rows": at(results, "data", "dropped_rows"),
    }
    if case.submission.kind == "preference":
        pairs = case.submission.records(PAIRS, PairFacts)
        return found | {"pairs_sha256": _sum((one.pair_id, one.tag, one.genre) for one in pairs)}
    prompts = case.submission.records(PROMPTS, Prompt)
    lines = ((one.prompt_id, one.tag, one.genre, one.prompt) for one in prompts)
    return found | {"prompts_sha256": _sum(lines), "asked": results.get("asked")}


def _sum(lines: Iterable[tuple[str, ...]]) -> str:
    """The sum of docs/design.md 4.4 over which pairs or prompts a run took."""
    digest = hashlib.sha256()
    for line in lines:
        digest.update(("\0".join(line) + "\n").encode())
    return digest.hexdigest()


def _check_judge(case: Case) -> Iterator[Finding]:
    """The judge of the results against the file in the manifest, and its settings."""
    row, stored = case.results.get("judge"), case.manifest.get("judge")
    if row is None and stored is None:
        return
    if not isinstance(row, dict) or not isinstance(stored, dict):
        yield Finding("identity", f"only one of {MANIFEST} and {RESULTS} has a judge", RESULTS)
        return
    rest = {key: value for key, value in stored.items() if key != "spec"}
    if canonical(rest) != canonical(row):
        yield Finding("identity", f"its judge is not the one of {MANIFEST}", RESULTS)
    for key in ("orders", "sampling"):
        if row.get(key) is not None and canonical(row[key]) != canonical(case.identity.get(key)):
            yield Finding("identity", f"judge.{key} is not that of the identity", RESULTS)
    shipped = find_specs("judges").get(str(row.get("name")))
    if shipped is not None and spec_sha256(parse_spec(shipped)) != row.get("sha256"):
        said = f"judge {short(row.get('name'))} is not the file that ships under this name"
        yield note("identity", said)
    if "spec" not in stored:
        yield note("identity", f"the recipe {short(row.get('name'))} is known by its sum alone")
        return
    judge = judge_of(case)
    if judge is None:
        yield Finding("identity", "judge.spec is no judge file", MANIFEST)
        return
    own = {"name": judge.name, "sha256": spec_sha256(judge), "kind": judge.kind}
    for key, value in {**own, "repeats": judge.repeats}.items():
        if row.get(key) != value:
            yield Finding("identity", f"judge.{key} is not that of its file", RESULTS)


def judge_of(case: Case) -> Judge | None:
    """The judge file of the manifest; None where there is none, or it is not one."""
    spec = at(case.manifest, "judge", "spec")
    kind = at(spec, "kind")
    if not isinstance(kind, str) or kind not in _JUDGES:
        return None
    try:
        return _JUDGES[kind].model_validate(spec)
    except (ValidationError, RecursionError):
        return None
