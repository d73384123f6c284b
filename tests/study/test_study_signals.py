"""A study that is told to stop, by its process id or by the terminal, stops its stage once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

# a study's process with one stage, which notes every signal it hears and ends after the first
_STAGE = """
import signal, sys, time
heard = []
for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, lambda number, _: heard.append(number))
print("ready", flush=True)
while not heard:
    time.sleep(0.01)
time.sleep(0.5)
print("heard", *map(int, heard), flush=True)
"""
_STUDY = """
import signal, sys
from pathlib import Path
from harness.study.child import run_stage
from harness.study.stages import Stage

class Says(Stage):
    @property
    def argv(self):
        return [sys.executable, "-c", *self.arguments]

if sys.argv[3] == "default":
    signal.signal(signal.SIGINT, signal.default_int_handler)
try:
    run_stage(Says("judge", "judge", (sys.argv[2],), "inputs"), Path(sys.argv[1]))
except KeyboardInterrupt:
    print("stopped")
"""


def study(log: Path, interrupt: str = "default") -> subprocess.Popen[str]:
    """A study in a session of its own, whose stage is ready to hear."""
    process = subprocess.Popen(
        [sys.executable, "-c", _STUDY, str(log), _STAGE, interrupt],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    deadline = time.monotonic() + 60
    while not (log.is_file() and "ready" in log.read_text(encoding="utf-8")):
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.01)
    return process


def heard(log: Path) -> list[int]:
    return [int(word) for word in log.read_text(encoding="utf-8").split("heard")[1].split()]


def test_an_interrupt_of_the_study_alone_reaches_its_stage(tmp_path: Path) -> None:
    log = tmp_path / "log.txt"
    process = study(log)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=60)
    assert (out, heard(log)) == ("stopped\n", [signal.SIGINT])


def test_a_ctrl_c_of_the_terminal_reaches_the_stage_once(tmp_path: Path) -> None:
    log = tmp_path / "log.txt"
    process = study(log)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to the whole group in front
    out, _ = process.communicate(timeout=60)
    assert (out, heard(log)) == ("stopped\n", [signal.SIGINT])


def test_a_termination_reaches_the_stage(tmp_path: Path) -> None:
    log = tmp_path / "log.txt"
    process = study(log)
    process.send_signal(signal.SIGTERM)
    out, _ = process.communicate(timeout=60)
    assert (out, heard(log)) == ("stopped\n", [signal.SIGTERM])
