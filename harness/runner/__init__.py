"""From a request to finished run folders, whatever the kind of its tasks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from harness.errors import UsageError
from harness.executors import opened
from harness.jobs import Judging, judging_of
from harness.jobs.writing import writers_of
from harness.models import MODELS, AnyModel, ChatModel, Opened, TextsFile
from harness.models.ref import parse_model
from harness.progress import Progress, Silent
from harness.request import RunRequest, resolve_tasks
from harness.runner.common import RunResult
from harness.runner.preference import PairWork, dry_pairs, family, load_pair_work, run_pairs
from harness.runner.writing import WritingWork, dry_writing, load_writing_work, run_writers
from harness.specs import TaskSpec

__all__ = ["RunResult", "dry_run", "run"]

Work = PairWork | WritingWork


def run(request: RunRequest, progress: Progress | None = None) -> list[RunResult]:
    """Run a model over tasks. All data is read and checked before any model is loaded."""
    progress = progress or Silent()
    work = _load(request, progress)
    found: list[RunResult] = []
    with _opened(request, progress) as model:
        judge = _judge(model, work, request)
        for one in work:
            if isinstance(one, WritingWork):
                writers = writers_of(model, one.spec.name)
                found += run_writers(one, writers, request, progress)
            else:
                found.append(run_pairs(one, *judge, request, progress))
    return found


def dry_run(request: RunRequest, progress: Progress | None = None) -> list[str]:
    """Check data, model, tokenizer and lengths as `run` would; a line a task, nothing scored."""
    progress = progress or Silent()
    work = _load(request, progress)
    found: list[str] = []
    with _opened(request, progress) as model:
        judge = _judge(model, work, request)
        for one in work:
            if isinstance(one, WritingWork):
                found += [dry_writing(one, w, request) for w in writers_of(model, one.spec.name)]
            else:
                found.append(dry_pairs(one, *judge, request))
    return found


def _load(request: RunRequest, progress: Progress) -> list[Work]:
    parse_model(request.model, request.model_args, tuple(MODELS))  # a typo costs no download
    return [
        load_pair_work(task.spec, task.home, request, progress)
        if isinstance(task.spec, TaskSpec)
        else load_writing_work(task.spec, task.home, request, progress)
        for task in resolve_tasks(request)
    ]


@contextmanager
def _opened(request: RunRequest, progress: Progress) -> Iterator[Opened]:
    with opened(request.model, request.model_args, request.settings, request.workers) as model:
        for notice in model.notices if isinstance(model, TextsFile) else ():
            progress.notice(f"{model.name}: {notice}")
        yield model


def _judge(model: Opened, work: list[Work], request: RunRequest) -> tuple[AnyModel, Judging | None]:
    """The model as one that judges pairs, checked against the tasks that have any."""
    languages = [one.spec.language for one in work if isinstance(one, PairWork)]
    if not languages:
        if request.settings.judge is not None and isinstance(model, ChatModel):
            raise UsageError("--judge has no meaning for writing tasks alone")
        return model, None  # type: ignore[return-value]
    if isinstance(model, TextsFile):
        names = ", ".join(one.spec.name for one in work if isinstance(one, PairWork))
        raise UsageError(f"{model.name} only writes; {names} asks for a judge")
    judging = judging_of(model, request, languages)
    if judging is not None:
        family(model.name, request)  # an unknown one costs no call
    return model, judging
