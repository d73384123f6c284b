"""Runs a stage as a process of its own: its memory and its crashes stay there."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from harness.errors import HarnessError
from harness.study.stages import Stage

# how `harness train`, `run` and `arena` say that they ended, and where the output is
_ENDED = re.compile(
    r"^(?:finished(?: before, reused)?|trained in \d+ s|trained before, reused|"
    r"judged before, nothing was asked): (.+)$",
    re.MULTILINE,
)
_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG of Linux's prctl


class StageFailed(HarnessError):
    """A stage ended badly; `code` is its exit status, negative for a signal."""

    def __init__(self, stage: Stage, code: int) -> None:
        how = f"exit {code}"
        if code < 0:
            how = f"killed by signal {-code}"
            if -code == signal.SIGKILL:
                how += ", as where memory runs out"
        elif code == 0:
            how = "it named no finished output"
        super().__init__(f"stage {stage.name!r} failed ({how})")
        self.code = code


def run_stage(stage: Stage, log: Path, *, fresh: bool = False) -> list[Path]:
    """Run a stage to its end, its stdout into `log`, its stderr onto ours; its output's folders.

    With `fresh` its command starts over. A signal to this process reaches the child. Raises
    StageFailed for a bad end, and where the stage says nothing of an output; KeyboardInterrupt
    when it was stopped.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w", encoding="utf-8") as stream:
        argv = [*stage.argv, *(["--fresh"] if fresh else [])]
        child = subprocess.Popen(argv, stdout=stream, preexec_fn=_die_with_parent)
        with _stopped_together(child):
            try:
                code = child.wait()
            except KeyboardInterrupt:
                child.wait()  # the terminal has told it as well
                raise
    if code != 0:
        raise StageFailed(stage, code)
    folders = outputs_of(log.read_text(encoding="utf-8"))
    if not folders:
        raise StageFailed(stage, code)
    return folders


def outputs_of(said: str) -> list[Path]:
    """The folders that a command says it finished, in its order."""
    return [Path(folder) for folder in _ENDED.findall(said)]


@contextmanager
def _stopped_together(child: subprocess.Popen[bytes]) -> Iterator[None]:
    """Hand a SIGTERM on, wait for the child's end, and end as if interrupted."""

    def stop(number: int, _: FrameType | None) -> None:
        child.send_signal(number)
        raise KeyboardInterrupt

    try:
        before = signal.signal(signal.SIGTERM, stop)
    except ValueError:  # not the main thread: nobody sends it signals
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _die_with_parent() -> None:
    """On Linux, end when the study is killed outright, so that nothing holds its folders."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(_DEATH_SIGNAL, signal.SIGTERM)
