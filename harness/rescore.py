"""Another rule over the answers of a finished run: a new result beside the old one, no call."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.errors import UsageError
from harness.metrics.preference import METRICS, preference_results
from harness.metrics.table import verdict_table
from harness.progress import Progress, Silent
from harness.records import canonical
from harness.reparse import rated, read_lines, reread_picks, reread_ratings
from harness.reports import write_report
from harness.results import judge_numbers
from harness.spec_files import check, load_any
from harness.specs import Judge, PairwiseJudge, PointwiseJudge, spec_sha256
from harness.store import RunFolder, identity_sha256, open_run, slug
from harness.stored import MANIFEST, PAIRS, SCORES, VERDICTS, FinishedRun, read_run
from harness.versions import environment

KINDS: dict[str, type[PairwiseJudge] | type[PointwiseJudge]] = {
    "pairwise": PairwiseJudge,
    "pointwise": PointwiseJudge,
}


@dataclass(frozen=True, slots=True)
class Rescored:
    """What came of it: the new folder (None where nothing is new) and its results."""

    folder: Path | None
    results: dict[str, Any]
    before: dict[str, Any]


def rescore(
    run: Path,
    *,
    parser: str | None = None,
    judge: str | None = None,
    include: tuple[Path, ...] = (),
    progress: Progress | None = None,
) -> Rescored:
    """Read the answers of a run again and recompute every number.

    `judge` names a file whose verdict section is used (its prompts are not: nobody is asked
    again), `parser` a rule of its own. Without either the run's own file is used: where that
    gives the same results, nothing is written. Else a folder of its own stands beside the run,
    its identity naming the run it comes from.
    """
    old = read_run(run)
    spec = _stored_judge(old)
    if spec is None:
        if parser is not None or judge is not None:
            raise UsageError(f"{run}: its verdicts come from scores; there is no answer to read")
        return _recomputed(old, run)
    new = _with_verdict(run, spec, parser, judge, include)
    numbers = _numbers(old, run, new)
    if new == spec and _same(numbers, old.results):
        return Rescored(None, old.results | numbers, old.results)
    row = {**old.results["judge"], "name": new.name, "sha256": spec_sha256(new)}
    identity = {
        **old.manifest["identity"],
        "judge": row["sha256"],
        "rescored": old.manifest["identity_sha256"],
    }
    results = old.results | numbers | {"judge": row}
    name = f"{slug(str(old.manifest['model']['name']))}-{identity_sha256(identity)[:8]}"
    path = run.resolve().parent / name
    with open_run(RunFolder, path, fresh=True, progress=progress or Silent()) as folder:
        folder.save_manifest(
            **{**old.manifest, **environment()}
            | {
                "status": "running",
                "identity": identity,
                "identity_sha256": identity_sha256(identity),
                "judge": {**row, "spec": new.model_dump(mode="json")},
                "rescored_from": {"folder": run.name, "identity_sha256": identity["rescored"]},
            }
        )
        folder.write_lines(PAIRS, read_lines(run / PAIRS))
        if isinstance(new, PointwiseJudge):
            folder.write_lines(SCORES, map(dataclasses.asdict, reread_ratings(run, new.verdict)))
        folder.write_lines(VERDICTS, _verdicts(run, new))
        folder.finish(results, write_report(results))
    return Rescored(path, results, old.results)


def _stored_judge(old: FinishedRun) -> Judge | None:
    """The judge file a run was asked by, from its manifest; None for a model that scores."""
    spec = (old.manifest.get("judge") or {}).get("spec")
    return KINDS[spec["kind"]].model_validate(spec) if spec else None


def _with_verdict(
    run: Path, spec: Judge, parser: str | None, judge: str | None, include: tuple[Path, ...]
) -> Judge:
    """The stored file with another verdict section."""
    changes: dict[str, Any] = {}
    if judge is not None:
        other = load_any("judges", judge, (type(spec),), f"{spec.kind} judge", include)
        changes = {"verdict": other.model_dump()["verdict"], "name": other.model_dump()["name"]}
    if parser is not None:
        if not isinstance(spec, PairwiseJudge):
            raise UsageError(f"--parser {parser}: a {spec.kind} judge has one rule, last_number")
        verdict = {**changes.get("verdict", spec.verdict.model_dump()), "parser": parser}
        if "last_label" not in (parser, *verdict["also"]):
            verdict["fallback"] = None  # no other rule looks for them
        changes["verdict"] = verdict
    # labels of one file may be delimiters of the other: the message says which
    return check(spec.model_dump() | changes, type(spec), Path(judge or run / MANIFEST))


def _verdicts(run: Path, judge: Judge) -> Iterator[dict[str, Any]]:
    """The verdict lines of a run as this file reads its answers."""
    if isinstance(judge, PairwiseJudge):
        return reread_picks(run, judge.verdict)
    found = {(one.id, one.repeat): one for one in reread_ratings(run, judge.verdict)}
    return rated(run, found)


def _numbers(old: FinishedRun, run: Path, judge: Judge | None) -> dict[str, Any]:
    """Every number of results.json that comes from verdicts."""
    verdicts, seed = old.verdicts, int(old.results["seed"])
    if judge is not None:
        lines = (canonical(line).encode() for line in _verdicts(run, judge))
        verdicts = verdict_table(old.pairs, lines)
    metrics = old.manifest.get("metrics") or list(METRICS)
    numbers = preference_results(old.pairs, verdicts, metrics=metrics, seed=seed)
    if judge is None:
        return numbers
    favour = old.results.get("self_preference") or {}
    tables = old.pairs, verdicts
    return numbers | judge_numbers(
        run, tables, judge, family=favour.get("family"), own=favour.get("models", ()), seed=seed
    )


def _recomputed(old: FinishedRun, run: Path) -> Rescored:
    """A run without a judge file: its stored verdicts, counted again."""
    numbers = _numbers(old, run, None)
    return Rescored(None, old.results | numbers, old.results)


def _same(numbers: Mapping[str, Any], results: Mapping[str, Any]) -> bool:
    return all(canonical(value) == canonical(results.get(key)) for key, value in numbers.items())
