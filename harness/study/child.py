"""Runs a stage as a process of its own: its memory and its crashes stay there."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
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
    with log.open("w", encoding="utf-8") as stream, _listening() as ear:
        argv = [*stage.argv, *(["--fresh"] if fresh else [])]
        # a group of its own: a Ctrl-C of the terminal comes to us alone, and reaches it once
        ear.child = subprocess.Popen(
            argv, stdout=stream, process_group=0, preexec_fn=_dying_with(os.getpid())
        )
        for number in ear.heard:
            ear.child.send_signal(number)
        code = ear.child.wait()
    if ear.heard:
        raise KeyboardInterrupt
    if code != 0:
        raise StageFailed(stage, code)
    folders = outputs_of(log.read_text(encoding="utf-8"))
    if not folders:
        raise StageFailed(stage, code)
    return folders


def outputs_of(said: str) -> list[Path]:
    """The folders that a command says it finished, in its order."""
    return [Path(folder) for folder in _ENDED.findall(said)]


@dataclass(slots=True)
class _Ear:
    """The signals that came to this process while a stage ran, each handed on to the child."""

    heard: list[int] = field(default_factory=list)
    child: subprocess.Popen[bytes] | None = None

    def __call__(self, number: int, _: FrameType | None) -> None:
        self.heard.append(number)
        if self.child is not None:
            self.child.send_signal(number)


@contextmanager
def _listening() -> Iterator[_Ear]:
    """Hand SIGINT and SIGTERM on, but for one that is ignored, as by nohup."""
    ear = _Ear()
    before = {}
    # elsewhere than in the main thread Python allows no handlers, and nobody sends it signals
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGINT, signal.SIGTERM):
            if signal.getsignal(number) is not signal.SIG_IGN:
                before[number] = signal.signal(number, ear)
    try:
        yield ear
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _dying_with(parent: int) -> Callable[[], None] | None:
    """On Linux, what has a child end when the study is killed outright; else nothing."""
    if sys.platform != "linux":
        return None
    import ctypes

    prctl = ctypes.CDLL(None).prctl

    def die_with_parent() -> None:
        prctl(_DEATH_SIGNAL, signal.SIGTERM)
        if os.getppid() != parent:  # it was killed before this line
            os.kill(os.getpid(), signal.SIGTERM)

    return die_with_parent
