"""What a study needs after its trainings, looked at before them: hours later it costs more."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.data import load_prompts
from harness.data.rankings import read_human
from harness.errors import DataError, MissingExtra, UsageError
from harness.models import MODELS
from harness.models.ref import parse_model
from harness.models.vllm.engine import vllm_is_there
from harness.progress import Progress
from harness.spec_files import load_named
from harness.specs import WritingSpec
from harness.study.resolve import Study


def check_ready(study: Study, progress: Progress) -> None:
    """Read the prompts, people's files and where the judge lies; no model is loaded.

    Raises UsageError and DataError for what is missing or bad, naming the key of `--set`, and
    MissingExtra for a backend that is not installed.
    """
    spec = study.spec
    if spec.writing.backend == "vllm" and not vllm_is_there():
        raise MissingExtra("--set writing.backend=vllm", "vllm")
    for name in spec.tasks:
        task = load_named("tasks", name, WritingSpec, "writing task")
        file = spec.task_data.get(name)
        with _told(f"task_data.{name}"):
            load_prompts(task, file=None if file is None else Path(file))
    if spec.human:
        _people(study, progress)
    elif spec.judge is not None and spec.judge.model is not None:
        ref = parse_model(spec.judge.model, spec.judge.model_args, tuple(MODELS))
        local = ref.backend in ("hf", "vllm", "likelihood") and ref.what[0] in "./~"
        if local and not Path(ref.what).expanduser().exists():
            raise UsageError(f"--set judge.model={ref.what}: no such folder")


def _people(study: Study, progress: Progress) -> None:
    """The files can be read, and are about models of the study."""
    with _told("human"):
        found = read_human([Path(file) for file in study.spec.human])
    labels = [member.label for member in study.members]
    known = [label for label in labels if label in found.runs]
    if not known:
        raise UsageError(
            f"--set human: the rankings are of {', '.join(found.runs)}, none of them a label of "
            f"the study ({', '.join(labels)})"
        )
    if len(known) < len(labels):
        missing = ", ".join(label for label in labels if label not in known)
        progress.notice(f"the rankings say nothing of {missing}")


@contextmanager
def _told(key: str) -> Iterator[None]:
    """An error of a flag, told as one of the key that the flag comes from."""
    try:
        yield
    except UsageError as error:
        raise UsageError(f"--set {key}: {error}") from None
    except DataError as error:
        raise DataError(f"--set {key}: {error}") from None
