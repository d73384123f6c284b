"""What lm-eval hands to a task's data function: the model's arguments and --metadata, checked."""

from __future__ import annotations

import hashlib
import logging
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from harness.errors import DataError, HarnessError, UsageError, unknown_name
from harness.spec_files import find_specs

PREFIX = "harness_"  # before the name of a task of ours, in lm-eval
AUTO, LM_EVAL = "auto", "lm_eval"

_LOG = logging.getLogger("lm_eval.harness")  # in lm-eval's own format and stream


@dataclass(frozen=True, slots=True)
class Settings:
    """What a task takes of a model's arguments and of --metadata.

    `checkpoint` is the folder or hub id whose tokenizer renders texts, None where the arguments
    name none. `file` takes the place of the task's own. `render` is "auto", "lm_eval" or a
    recipe's name or file. `max_length` is in tokens. `dtype` is that of log-softmax in
    lm-eval's transformers back-end, "auto" for the checkpoint's.
    """

    checkpoint: str | None
    revision: str | None
    trust_remote_code: bool
    max_length: int | None
    render: str
    file: Path | None
    dtype: str


def read_settings(task: str, metadata: Mapping[str, Any]) -> Settings:
    """The settings of one task of ours; other keys are lm-eval's and the model's.

    `--metadata '{"data": {"harness_wpb_zh": "FILE"}, "render": "plain"}'`. UsageError for a task
    or a file that is not there.
    """
    own = metadata.get("tokenizer") or metadata.get("pretrained")
    checkpoint = own if isinstance(own, str) else None
    render = str(metadata.get("render") or AUTO)
    if checkpoint is None and render not in (AUTO, LM_EVAL):
        raise UsageError(
            f"--metadata render={render}: name the checkpoint whose tokenizer renders the texts, "
            'for instance --metadata \'{"pretrained": "PATH"}\''
        )
    revision = metadata.get("revision")
    length = metadata.get("max_length")
    return Settings(
        checkpoint,
        # transformers' word for "the newest", which a local folder does not have
        None if revision in (None, "main") or metadata.get("tokenizer") else str(revision),
        bool(metadata.get("trust_remote_code", False)),
        length if isinstance(length, int) else None,
        LM_EVAL if checkpoint is None else render,
        _file(task, metadata.get("data")),
        str(metadata.get("softmax_dtype") or metadata.get("dtype") or "auto"),
    )


@cache
def say(message: str) -> None:
    """A warning, once: a group loads its file and checkpoint for every genre anew."""
    _LOG.warning(message)


@contextmanager
def with_way_out(task: str) -> Iterator[None]:
    """A way out by --data, as lm-eval has it."""
    try:
        yield
    except HarnessError as error:
        if "--data" not in str(error):
            raise
        data = f'--metadata \'{{"data": {{"{PREFIX}{task}": "FILE"}}}}\''
        raise DataError(f"{error} (of `harness run`; here it is {data})") from None


def _file(task: str, data: Any) -> Path | None:
    if data is None:
        return None
    if not isinstance(data, Mapping) or not all(isinstance(path, str) for path in data.values()):
        raise UsageError('--metadata data: must be {"TASK": "FILE"}, a file by the task it is for')
    known = {PREFIX + name for name in find_specs("tasks")}
    for name in data:
        if name not in known:
            raise UsageError("--metadata data: " + unknown_name("task", name, known))
    if PREFIX + task not in data:
        return None
    path = Path(data[PREFIX + task]).expanduser()
    if not path.is_file():
        raise UsageError(f"--metadata data, {PREFIX + task}: {path}: no such file")
    return path


def limit_rank(name: str) -> bytes:
    """Where `harness run --limit` has a pair_id or prompt_id, under the seed 0.

    lm-eval's --limit takes the head of a file: in this order it takes what ours does.
    """
    return hashlib.sha256(f"0\0{name}".encode()).digest()


def refuse_second_template() -> None:
    """UsageError where lm-eval was told to put its chat template around ours."""
    # a task is told nothing of that flag, and every number would be of a prompt in a prompt
    if any(word.startswith("--apply_chat") for word in sys.argv[1:]):
        raise UsageError(
            "--apply_chat_template: leave it out, as this task renders the checkpoint's chat "
            'template itself; or add --metadata \'{"render": "lm_eval"}\' to have lm-eval render'
        )
