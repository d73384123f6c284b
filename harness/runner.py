"""From a request to finished run folders: spec -> pairs -> job -> store -> results."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.data import Dataset, load_pairs
from harness.errors import HarnessError, UsageError, unknown_name
from harness.families import family_of, known_families
from harness.jobs import (
    SHOWN,
    Judging,
    Prices,
    estimate,
    fill_folder,
    judging_of,
    nothing_owed,
    read_prices,
    spent,
)
from harness.metrics.table import PairTable, VerdictTable
from harness.models import MODELS, AnyModel, ChatModel, PairJudge, open_model
from harness.models.ref import parse_model
from harness.progress import Progress, Silent
from harness.records import Pair
from harness.reports import write_report
from harness.request import RunRequest, Task, request_settings, resolve_tasks, select
from harness.results import judge_numbers, make_results, pair_facts, task_identity
from harness.specs import TaskSpec
from harness.store import RunFolder, identity_sha256, open_run, run_path
from harness.stored import answered
from harness.versions import environment


@dataclass(frozen=True, slots=True)
class RunResult:
    """A finished run: its folder, results and manifest, and whether it stood there already."""

    folder: Path
    results: dict[str, Any]
    manifest: dict[str, Any]
    reused: bool


def run(request: RunRequest, progress: Progress | None = None) -> list[RunResult]:
    """Run a model over tasks. All data is read and checked before any model is loaded."""
    progress = progress or Silent()
    parse_model(request.model, request.model_args, tuple(MODELS))  # a typo costs no download
    work = [_load(task, request, progress) for task in resolve_tasks(request)]
    model = open_model(request.model, request.model_args, request.settings)
    judging = judging_of(model, request, [spec.language for spec, _, _ in work])
    if judging is not None:
        _family(model.name, request)  # an unknown one costs no call
    return [_run_task(*one, model, judging, request, progress) for one in work]


def dry_run(request: RunRequest, progress: Progress | None = None) -> list[str]:
    """Check data, model, tokenizer and lengths as `run` would; one line a task, nothing scored."""
    progress = progress or Silent()
    work = [_load(task, request, progress) for task in resolve_tasks(request)]
    model = open_model(request.model, request.model_args, request.settings)
    judging = judging_of(model, request, [spec.language for spec, _, _ in work])
    found = []
    for spec, data, pairs in work:
        identity = _identity(spec, data, pairs, model, judging, request)
        folder = run_path(request.output_path, spec.name, model.name, identity)
        asks = estimate(pairs, model, judging, _prices(model, request))
        line = (
            f"{spec.name}: {len(pairs):,} pairs, {asks}, {model.name} on {model.device} -> {folder}"
        )
        there = answered(folder) if judging is not None and not request.fresh else 0
        found.append(f"{line}, where {there:,} are answered already" if there else line)
    return found


def _prices(model: AnyModel, request: RunRequest) -> Prices | None:
    if request.price_file is None:
        return None
    what = parse_model(request.model, request.model_args, tuple(MODELS)).what
    return read_prices(request.price_file, (model.name, what))


def _load(
    task: Task, request: RunRequest, progress: Progress
) -> tuple[TaskSpec, Dataset, tuple[Pair, ...]]:
    spec = task.spec
    data = load_pairs(
        spec,
        file=request.data.get(spec.name),
        genre_map=request.genre_map,
        bad_rows=request.bad_rows,
        include=request.include,
        home=task.home,
        progress=progress,
    )
    for message in (*data.notices, *data.dropped[:SHOWN]):
        progress.notice(f"{spec.name}: {message}")
    if len(data.dropped) > SHOWN:
        progress.notice(f"{spec.name}: ... {len(data.dropped) - SHOWN:,} more rows left out")
    return spec, data, select(data.pairs, request)


def _run_task(
    spec: TaskSpec,
    data: Dataset,
    pairs: tuple[Pair, ...],
    model: AnyModel,
    judging: Judging | None,
    request: RunRequest,
    progress: Progress,
) -> RunResult:
    identity = _identity(spec, data, pairs, model, judging, request)
    prices = _prices(model, request)
    path = run_path(request.output_path, spec.name, model.name, identity)
    with open_run(path, fresh=request.fresh, progress=progress) as folder:
        _refuse_other_device(folder, model.device)
        # family= changes no answer, but what is said of them
        before = folder.manifest.get("model", {}).get("family")
        same = judging is None or before == model.facts().get("family")
        if folder.finished and same and nothing_owed(folder, pairs, progress):
            if prices is not None and judging is not None:
                folder.save_manifest(cost=spent(prices, folder.manifest["counts"]))
            return RunResult(folder.path, folder.results(), folder.manifest, reused=True)
        began = time.monotonic()
        _begin(folder, spec, identity, pairs, model, judging, request)
        facts = fill_folder(folder, pairs, model, judging, request, progress)
        tables = folder.tables()
        results = make_results(
            spec,
            data,
            pairs,
            tables,
            model=_model_row(model),
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
    family, include = _family(model.name, request), request.include
    own = [name for name in tables[0].models if family and family_of(name, include) == family]
    return judge_numbers(folder, tables, judging.judge, family=family, own=own, seed=request.seed)


def _family(name: str, request: RunRequest) -> str | None:
    """The family of a judge: as it was given, or by its name."""
    given = parse_model(request.model, request.model_args, tuple(MODELS)).options.get("family")
    known = known_families(request.include)
    if given is not None and given not in known:
        raise UsageError("--model_args: " + unknown_name("family", given, known))
    return given or family_of(name, request.include)


def _identity(
    spec: TaskSpec,
    data: Dataset,
    pairs: Sequence[Pair],
    model: AnyModel,
    judging: Judging | None,
    request: RunRequest,
) -> dict[str, Any]:
    """Everything that can change a number, and nothing else: no batch size, no path, no device."""
    asked = judging.identity() if judging else {}
    if isinstance(model, PairJudge):
        asked = {"orders": request.orders}
    return {
        "schema": 1,
        **task_identity(spec, data, pairs),
        "model": dict(model.identity()),
        "judge": (_judge_row(model, judging, spec) or {}).get("sha256"),
        "seed": request.seed,
        **asked,
    }


def _judge_row(
    model: AnyModel, judging: Judging | None, spec: TaskSpec
) -> Mapping[str, Any] | None:
    """The judge of results.json: of a chat model its file, of a reward model its recipe."""
    return judging.row(spec.language) if judging else model.judge()


def _model_row(model: AnyModel) -> dict[str, Any]:
    facts = model.facts()
    return {
        "name": model.name,
        "backend": model.backend,
        "revision": facts.get("revision"),
        "dtype": facts.get("dtype"),
    }


def _refuse_other_device(folder: RunFolder, device: str) -> None:
    before = folder.manifest.get("device")
    if before not in (None, device):
        raise HarnessError(
            f"{folder.path}: begun on {before}, and this is {device}; scores of two kinds of "
            "device do not mix: choose with --device, or start over with --fresh"
        )


def _begin(
    folder: RunFolder,
    spec: TaskSpec,
    identity: Mapping[str, Any],
    pairs: Sequence[Pair],
    model: AnyModel,
    judging: Judging | None,
    request: RunRequest,
) -> None:
    """The manifest and pairs.jsonl, before the first score; a resumed run keeps what it has."""
    if isinstance(model, ChatModel):
        model.resume(folder.manifest.get("model", {}))
    facts = model.facts()
    judge = _judge_row(model, judging, spec)
    if judge and judging:  # the whole file, so that answers can be read again without it
        judge = {**judge, "spec": judging.judge.model_dump(mode="json")}
    folder.save_manifest(
        schema=1,
        status="running",
        task=spec.name,
        identity=identity,
        identity_sha256=identity_sha256(identity),
        device=model.device,
        model={"name": model.name, "backend": model.backend, **facts},
        judge=judge,
        metrics=list(spec.metrics),
        settings=request_settings(request),
        counts={**folder.manifest.get("counts", {}), "pairs": len(pairs)},
        wall_seconds=folder.manifest.get("wall_seconds", 0.0),
        attempts=folder.manifest.get("attempts", 0) + 1,
        **environment(),
    )
    folder.write_pairs(pair_facts(pairs))
