"""A run over pairs: spec -> pairs -> job -> store -> results."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.data import Dataset, load_pairs
from harness.errors import UsageError, unknown_name
from harness.families import family_of, known_families
from harness.jobs import Judging, estimate, fill_folder, nothing_owed, spent
from harness.metrics.table import PairTable, VerdictTable
from harness.models import MODELS, AnyModel, ChatModel, PairJudge
from harness.models.ref import parse_model
from harness.progress import Progress
from harness.records import Pair
from harness.reports import write_report
from harness.request import RunRequest, select
from harness.results import judge_numbers, make_results, pair_facts, task_identity
from harness.runner.common import (
    RunResult,
    begin,
    model_row,
    prices_of,
    refuse_other_device,
    tell,
)
from harness.specs import TaskSpec
from harness.store import RunFolder, open_run, run_path
from harness.stored import answered


@dataclass(frozen=True, slots=True)
class PairWork:
    """A task of a run: its data, read and checked, and the pairs it takes."""

    spec: TaskSpec
    data: Dataset
    pairs: Sequence[Pair]


def load_pair_work(
    spec: TaskSpec, home: Path | None, request: RunRequest, progress: Progress
) -> PairWork:
    """Read and check the data of a task."""
    data = load_pairs(
        spec,
        file=request.data.get(spec.name),
        genre_map=request.genre_map,
        bad_rows=request.bad_rows,
        include=request.include,
        home=home,
        progress=progress,
    )
    tell(spec.name, data, progress)
    return PairWork(spec, data, select(data.pairs, request))


def dry_pairs(work: PairWork, model: AnyModel, judging: Judging | None, request: RunRequest) -> str:
    """One line on what a run would do."""
    identity = _identity(work, model, judging, request)
    folder = run_path(request.output_path, work.spec.name, model.name, identity)
    asks = estimate(work.pairs, model, judging, prices_of(model, request))
    line = (
        f"{work.spec.name}: {len(work.pairs):,} pairs, {asks}, {model.name} on {model.device} "
        f"-> {folder}"
    )
    there = answered(folder) if judging is not None and not request.fresh else 0
    return f"{line}, where {there:,} are answered already" if there else line


def run_pairs(
    work: PairWork,
    model: AnyModel,
    judging: Judging | None,
    request: RunRequest,
    progress: Progress,
) -> RunResult:
    """Score or judge the pairs of a task; a finished run is reused, an unfinished one resumed."""
    spec, data, pairs = work.spec, work.data, work.pairs
    identity = _identity(work, model, judging, request)
    prices = prices_of(model, request)
    path = run_path(request.output_path, spec.name, model.name, identity)
    with open_run(RunFolder, path, fresh=request.fresh, progress=progress) as folder:
        refuse_other_device(folder, model.device)
        # family= changes no answer, but what is said of them
        before = folder.manifest.get("model", {}).get("family")
        same = judging is None or before == model.facts().get("family")
        if folder.finished and same and nothing_owed(folder, pairs, progress):
            if prices is not None and judging is not None:
                folder.save_manifest(cost=spent(prices, folder.manifest["counts"]))
            return RunResult(folder.path, folder.results(), folder.manifest, reused=True)
        began = time.monotonic()
        _begin(folder, work, identity, model, judging, request)
        facts = fill_folder(folder, pairs, model, judging, request, progress)
        tables = folder.tables()
        results = make_results(
            spec,
            data,
            pairs,
            tables,
            model=model_row(model),
            judge=_judge_row(model, judging, spec),
            seed=request.seed,
        )
        if judging is not None:
            results |= _judge_numbers(folder.path, tables, judging, model, request)
        if prices is not None:
            facts["cost"] = spent(prices, facts["counts"])
        seconds = folder.manifest["wall_seconds"] + time.monotonic() - began
        folder.finish(results, write_report(results), wall_seconds=round(seconds, 3), **facts)
        return RunResult(folder.path, results, folder.manifest, reused=False)


def _judge_numbers(
    folder: Path,
    tables: tuple[PairTable, VerdictTable],
    judging: Judging,
    model: AnyModel,
    request: RunRequest,
) -> dict[str, Any]:
    mine, include = family(model.name, request), request.include
    own = [name for name in tables[0].models if mine and family_of(name, include) == mine]
    judge = judging.judge
    return judge_numbers(folder, tables, judge, family=mine, own=own, seed=request.seed)


def family(name: str, request: RunRequest) -> str | None:
    """The family of a judge: as it was given, or by its name."""
    given = parse_model(request.model, request.model_args, tuple(MODELS)).options.get("family")
    known = known_families(request.include)
    if given is not None and given not in known:
        raise UsageError("--model_args: " + unknown_name("family", given, known))
    return given or family_of(name, request.include)


def _identity(
    work: PairWork, model: AnyModel, judging: Judging | None, request: RunRequest
) -> dict[str, Any]:
    """Everything that can change a number, and nothing else: no batch size, no path, no device."""
    asked = judging.identity() if judging else {}
    if isinstance(model, PairJudge):
        asked = {"orders": request.orders}
    return {
        "schema": 1,
        **task_identity(work.spec, work.data, work.pairs),
        "model": dict(model.identity()),
        "judge": (_judge_row(model, judging, work.spec) or {}).get("sha256"),
        "seed": request.seed,
        **asked,
    }


def _judge_row(
    model: AnyModel, judging: Judging | None, spec: TaskSpec
) -> Mapping[str, Any] | None:
    """The judge of results.json: of a chat model its file, of a reward model its recipe."""
    return judging.row(spec.language) if judging else model.judge()


def _begin(
    folder: RunFolder,
    work: PairWork,
    identity: Mapping[str, Any],
    model: AnyModel,
    judging: Judging | None,
    request: RunRequest,
) -> None:
    """The manifest and pairs.jsonl, before the first score; a resumed run keeps what it has."""
    if isinstance(model, ChatModel):
        model.resume(folder.manifest.get("model", {}))
    judge = _judge_row(model, judging, work.spec)
    if judge and judging:  # the whole file, so that answers can be read again without it
        judge = {**judge, "spec": judging.judge.model_dump(mode="json")}
    counts = {"pairs": len(work.pairs)}
    begin(folder, work.spec, identity, model, request, counts=counts, judge=judge)
    folder.write_pairs(pair_facts(work.pairs))
