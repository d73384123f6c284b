"""From a request to finished run folders: spec -> pairs -> job -> store -> results."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.batching import Budget
from harness.data import Dataset, load_pairs
from harness.errors import HarnessError, ModelError, TextsTooLong
from harness.judging import judge_pairs
from harness.models import MODELS, PairJudge, RewardModel, open_model
from harness.models.ref import parse_model
from harness.progress import Progress, Silent
from harness.records import Pair, candidate
from harness.reports import write_report
from harness.request import RunRequest, Task, request_settings, resolve_tasks, select
from harness.results import make_results, pair_facts, task_identity
from harness.scoring import distinct_candidates, score_candidates, verdicts_from_scores
from harness.specs import TaskSpec
from harness.store import RunFolder, identity_sha256, open_run, run_path
from harness.versions import environment

_SHOWN = 20  # rows left out that are said one by one


@dataclass(frozen=True, slots=True)
class RunResult:
    """A finished run: its folder, results.json, and whether it stood there already."""

    folder: Path
    results: dict[str, Any]
    reused: bool


def run(request: RunRequest, progress: Progress | None = None) -> list[RunResult]:
    """Run a model over tasks. All data is read and checked before any model is loaded."""
    progress = progress or Silent()
    parse_model(request.model, request.model_args, tuple(MODELS))  # a typo costs no download
    work = [_load(task, request, progress) for task in resolve_tasks(request)]
    model = open_model(request.model, request.model_args, request.settings)
    return [_run_task(spec, data, pairs, model, request, progress) for spec, data, pairs in work]


def dry_run(request: RunRequest, progress: Progress | None = None) -> list[str]:
    """Check data, model, tokenizer and lengths as `run` would; one line a task, nothing scored."""
    progress = progress or Silent()
    work = [_load(task, request, progress) for task in resolve_tasks(request)]
    model = open_model(request.model, request.model_args, request.settings)
    found = []
    for spec, data, pairs in work:
        texts = distinct_candidates(pairs)
        encoded = [] if isinstance(model, PairJudge) else model.encode(texts)
        tokens = sum(item.n_tokens for item in encoded)
        identity = _identity(spec, data, pairs, model, request)
        folder = run_path(request.output_path, spec.name, model.name, identity)
        found.append(
            f"{spec.name}: {len(pairs):,} pairs, {len(texts):,} distinct texts, {tokens:,} tokens, "
            f"{model.name} on {model.device} -> {folder}"
        )
    return found


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
    for message in (*data.notices, *data.dropped[:_SHOWN]):
        progress.notice(f"{spec.name}: {message}")
    if len(data.dropped) > _SHOWN:
        progress.notice(f"{spec.name}: ... {len(data.dropped) - _SHOWN:,} more rows left out")
    return spec, data, select(data.pairs, request)


def _run_task(
    spec: TaskSpec,
    data: Dataset,
    pairs: tuple[Pair, ...],
    model: RewardModel | PairJudge,
    request: RunRequest,
    progress: Progress,
) -> RunResult:
    identity = _identity(spec, data, pairs, model, request)
    holding = open_run(
        request.output_path,
        spec.name,
        model.name,
        identity,
        fresh=request.fresh,
        progress=progress,
    )
    with holding as folder:
        _refuse_other_device(folder, model.device)
        failed = sum(line["outcome"] == "error" for line in folder.verdict_lines().values())
        if folder.finished and not failed:
            return RunResult(folder.path, folder.results(), reused=True)
        began = time.monotonic()
        _begin(folder, spec, identity, pairs, model, request)
        facts = _job(folder, pairs, model, request, progress)
        results = make_results(
            spec,
            data,
            pairs,
            folder.tables(),
            model=_model_row(model),
            judge=model.judge(),
            seed=request.seed,
        )
        seconds = folder.manifest["wall_seconds"] + time.monotonic() - began
        folder.finish(results, write_report(results), wall_seconds=round(seconds, 3), **facts)
        return RunResult(folder.path, results, reused=False)


def _identity(
    spec: TaskSpec,
    data: Dataset,
    pairs: Sequence[Pair],
    model: RewardModel | PairJudge,
    request: RunRequest,
) -> dict[str, Any]:
    """Everything that can change a number, and nothing else: no batch size, no path, no device."""
    judging = {"orders": request.orders} if isinstance(model, PairJudge) else {}
    return {
        "schema": 1,
        **task_identity(spec, data, pairs),
        "model": dict(model.identity()),
        "judge": (model.judge() or {}).get("sha256"),
        "seed": request.seed,
        **judging,
    }


def _model_row(model: RewardModel | PairJudge) -> dict[str, Any]:
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
    model: RewardModel | PairJudge,
    request: RunRequest,
) -> None:
    """The manifest and pairs.jsonl, before the first score; a resumed run keeps what it has."""
    facts = model.facts()
    folder.save_manifest(
        schema=1,
        status="running",
        task=spec.name,
        identity=identity,
        identity_sha256=identity_sha256(identity),
        device=model.device,
        model={"name": model.name, "backend": model.backend, **facts},
        judge=model.judge(),
        settings=request_settings(request),
        counts={"pairs": len(pairs)},
        wall_seconds=folder.manifest.get("wall_seconds", 0.0),
        attempts=folder.manifest.get("attempts", 0) + 1,
        **environment(),
    )
    folder.write_pairs(pair_facts(pairs))


def _job(
    folder: RunFolder,
    pairs: Sequence[Pair],
    model: RewardModel | PairJudge,
    request: RunRequest,
    progress: Progress,
) -> dict[str, Any]:
    """Fill the folder with verdicts; what the manifest should say of it."""
    lines = folder.verdict_lines()
    attempts = {key: line["attempt"] for key, line in lines.items()}
    if isinstance(model, PairJudge):
        judge_pairs(
            pairs,
            model,
            orders=request.orders,
            seed=request.seed,
            attempts=attempts,
            write=folder.append_verdicts,
        )
        return {}
    done = folder.scores()
    with _naming_rows(pairs):
        facts = score_candidates(
            distinct_candidates(pairs),
            model,
            budget=_budget(folder, model, request),
            done=done,
            write=folder.append_scores,
            progress=progress,
            on_budget=lambda budget: folder.save_manifest(budget=dataclasses.asdict(budget)),
            max_errors=request.max_errors,
        )
    verdicts = verdicts_from_scores(pairs, done, attempts)
    settled = {key for key, line in lines.items() if line["outcome"] != "error"}
    folder.append_verdicts([v for v in verdicts if (v.pair_id, v.order, v.repeat) not in settled])
    doubt = 2 * facts.self_check["max_difference"]
    near = sum(v.margin is not None and 0 < abs(v.margin) <= doubt for v in verdicts)
    return {
        "plan": facts.plan,
        "self_check": {**facts.self_check, "pairs_within": near},
        "counts": {
            "pairs": len(pairs),
            "texts": len(done),
            "scored_now": facts.scored,
            "reused": facts.reused,
            "tokens_in": facts.tokens_in,
            "tokens_out": 0,
        },
    }


@contextmanager
def _naming_rows(pairs: Sequence[Pair]) -> Iterator[None]:
    """Add to an error about texts the rows of the file they stand in."""
    try:
        yield
    except TextsTooLong as error:
        wanted = set(error.ids)
        rows = [
            f"row {pair.row} {name}"
            for pair in pairs
            for name, side in (("chosen", pair.chosen), ("rejected", pair.rejected))
            if candidate(pair, side).id in wanted
        ]
        more = f" and {len(rows) - _SHOWN:,} more" if len(rows) > _SHOWN else ""
        raise ModelError(f"{error}: {', '.join(rows[:_SHOWN])}{more}") from None


def _budget(folder: RunFolder, model: RewardModel, request: RunRequest) -> Budget:
    """The user's budget; else the one a killed run had come to; else the device's."""
    stored = folder.manifest.get("budget")
    settings = request.settings
    given = settings.max_batch_tokens is not None or settings.batch_size is not None
    if stored is not None and not given:
        return Budget(**stored)
    budget = model.budget(max_tokens=settings.max_batch_tokens, max_texts=settings.batch_size)
    folder.save_manifest(budget=dataclasses.asdict(budget))
    return budget
