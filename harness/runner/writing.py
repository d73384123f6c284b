"""A run that writes: spec -> prompts -> texts -> measures -> results."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.data.prompts import PromptSet, load_prompts
from harness.jobs import spent
from harness.jobs.writing import (
    Writer,
    Writing,
    fill_texts,
    measure_folder,
    measuring,
    nothing_unwritten,
    text_writer,
    writing_of,
)
from harness.metrics.tokens import tokenizer_facts
from harness.metrics.workers import Workers
from harness.models import ChatModel
from harness.progress import Progress
from harness.records import Prompt
from harness.reports import write_report
from harness.request import RunRequest, select
from harness.results import make_writing_results, writing_identity
from harness.runner.common import (
    RunResult,
    begin,
    model_row,
    prices_of,
    refuse_other_device,
    tell,
)
from harness.specs import WritingSpec
from harness.store import WritingFolder, open_run, run_path
from harness.stored import answered, in_order


@dataclass(frozen=True, slots=True)
class WritingWork:
    """A writing task of a run: its data, read and checked, and the prompts it takes."""

    spec: WritingSpec
    data: PromptSet
    prompts: tuple[Prompt, ...]


def load_writing_work(
    spec: WritingSpec, home: Path | None, request: RunRequest, progress: Progress
) -> WritingWork:
    """Read and check the prompts of a task."""
    data = load_prompts(
        spec,
        file=request.data.get(spec.name),
        genre_map=request.genre_map,
        bad_rows=request.bad_rows,
        include=request.include,
        home=home,
        progress=progress,
    )
    tell(spec.name, data, progress)
    return WritingWork(spec, data, select(data.prompts, request))


def dry_writing(work: WritingWork, writer: Writer, request: RunRequest) -> str:
    """One line on what a run would do."""
    writing = writing_of(writer, work.spec, request)
    path = _path(work, writer, writing, request)
    line = f"{work.spec.name}: {len(work.prompts):,} prompts, "
    if not isinstance(writer, ChatModel):
        texts = writer.texts(work.prompts, work.data.aliases)
        there = sum(text.text is not None for text in texts)
        return f"{line}{there:,} texts of {writer.name} -> {path}"
    assert writing is not None
    job = text_writer(work.prompts, writer, writing)
    owed = list(job.owed({}))
    tokens = sum(writer.count(job.request(*key).messages) for key in owed)
    most = len(owed) * writing.asking.sampling.max_tokens
    line += f"{len(owed):,} texts, about {tokens:,} tokens in, at most {most:,} out"
    prices = prices_of(writer, request)
    if prices is not None:
        line += f" (at most {prices.currency} {prices.cost(tokens, most):,.2f})"
    there = 0 if request.fresh else answered(path)
    line += f", {writer.name} on {writer.device} -> {path}"
    return f"{line}, where {there:,} are written already" if there else line


def run_writers(
    work: WritingWork, writers: Sequence[Writer], request: RunRequest, progress: Progress
) -> list[RunResult]:
    """A run folder a writer."""
    with measuring(writers, work.spec.language, request) as workers:
        return [run_writing(work, writer, request, progress, workers) for writer in writers]


def run_writing(
    work: WritingWork,
    writer: Writer,
    request: RunRequest,
    progress: Progress,
    workers: Workers,
) -> RunResult:
    """Write and measure the texts of a task; what is finished is reused, what is not resumed."""
    writing = writing_of(writer, work.spec, request)
    prices = prices_of(writer, request) if isinstance(writer, ChatModel) else None
    path = _path(work, writer, writing, request)
    owed = len(work.prompts) * (writing.repeats if writing else 1)
    with open_run(WritingFolder, path, fresh=request.fresh, progress=progress) as folder:
        refuse_other_device(folder, writer.device)
        if folder.finished and nothing_unwritten(folder, owed, final=writing is None):
            if prices is not None:
                folder.save_manifest(cost=spent(prices, folder.manifest["counts"]))
            return RunResult(folder.path, folder.results(), folder.manifest, reused=True)
        began = time.monotonic()
        if isinstance(writer, ChatModel):
            writer.resume(folder.manifest.get("model", {}))
        begin(
            folder, work.spec, _identity(work, writer, writing, request), writer, request,
            counts={"prompts": len(work.prompts)}, judge=None,
        )  # fmt: skip
        folder.write_prompts(work.prompts)
        facts = fill_texts(
            folder, work.prompts, writer, writing, progress, aliases=work.data.aliases
        )
        texts = in_order(folder.texts().values(), work.prompts)
        measures = measure_folder(texts, work.prompts, request, workers)
        folder.write_measures(measures)
        results = make_writing_results(
            work.spec, work.data, work.prompts, texts, measures,
            model=model_row(writer), asked=writing.row() if writing else None,
            segmenter=request.settings.segmenter, seed=request.seed,
        )  # fmt: skip
        if prices is not None:
            facts["cost"] = spent(prices, facts["counts"])
        seconds = folder.manifest["wall_seconds"] + time.monotonic() - began
        folder.finish(results, write_report(results), wall_seconds=round(seconds, 3), **facts)
        return RunResult(folder.path, results, folder.manifest, reused=False)


def _path(work: WritingWork, writer: Writer, writing: Writing | None, request: RunRequest) -> Path:
    identity = _identity(work, writer, writing, request)
    return run_path(request.output_path, work.spec.name, writer.name, identity)


def _identity(
    work: WritingWork, writer: Writer, writing: Writing | None, request: RunRequest
) -> dict[str, Any]:
    """Everything that can change a number, and nothing else: no batch size, no path, no device."""
    tokenizer = tokenizer_facts(request.settings.segmenter)
    return {
        "schema": 1,
        **writing_identity(work.spec, work.data, work.prompts),
        "model": dict(writer.identity()),
        "seed": request.seed,
        "tokenizer": tokenizer[work.spec.language],
        **({"asked": writing.row()} if writing else {}),
    }
