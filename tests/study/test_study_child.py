"""Stages as processes: what is said of one that fails, is killed, or names no output."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import pytest
from tiny_study import started, when

from harness.errors import HarnessError, RunBusy
from harness.study.child import StageFailed, run_stage
from harness.study.run import run_study
from harness.study.stages import Stage
from harness.study.state import locked


class Says(Stage):
    """A stage that runs a line of Python in place of a harness command."""

    @property
    def argv(self) -> list[str]:
        return [sys.executable, "-c", *self.arguments]


def says(line: str) -> Stage:
    return Says("judge", "judge", (line,), "inputs")


def failure(line: str, tmp_path: Path) -> StageFailed:
    with pytest.raises(StageFailed) as raised:
        run_stage(says(line), tmp_path / "log.txt")
    return raised.value


def test_folders_are_read_from_the_log_in_their_order(tmp_path: Path) -> None:
    stage = says("print('table\\nfinished: b\\nfinished before, reused: a c')")
    assert run_stage(stage, tmp_path / "logs" / "log.txt") == [Path("b"), Path("a c")]


def test_fresh_starts_the_command_over(tmp_path: Path) -> None:
    stage = says("import sys; print('finished:', sys.argv[1:])")
    assert run_stage(stage, tmp_path / "log", fresh=True) == [Path("['--fresh']")]
    assert run_stage(stage, tmp_path / "log") == [Path("[]")]


def test_a_bad_end_is_told_with_its_code(tmp_path: Path) -> None:
    found = failure("raise SystemExit(3)", tmp_path)
    assert "stage 'judge' failed (exit 3)" in str(found) and found.code == 3


def test_a_kill_is_told_with_its_signal_and_what_it_often_means(tmp_path: Path) -> None:
    kill = "import os, signal; os.kill(os.getpid(), signal.{})"
    assert "(killed by signal 15)" in str(failure(kill.format("SIGTERM"), tmp_path))
    assert "memory runs out" in str(failure(kill.format("SIGKILL"), tmp_path))


def test_a_good_end_without_an_output_is_a_failure(tmp_path: Path) -> None:
    assert "named no finished output" in str(failure("print('well')", tmp_path))


def test_a_failed_stage_names_itself_and_both_commands(tmp_path: Path) -> None:
    with pytest.raises(HarnessError) as raised:
        run_study(
            "demo",
            output_path=tmp_path / "o",
            overrides=["mixed.data.general_zh.n=9999", "limit=2"],
        )
    first, on, alone = str(raised.value).splitlines()
    assert first == "stage 'train mixed' failed (exit 1)"
    assert on.startswith("go on from there: harness study demo --set mixed.data.general_zh.n=9999")
    assert on.endswith(f"--set limit=2 --output_path {tmp_path / 'o'}")
    assert alone.startswith("this stage alone:  harness train demo --set=max_steps=40 ")
    assert "--set=data.general_zh.n=9999" in alone


def test_a_stopped_study_stops_its_stage_and_says_how_to_go_on(tmp_path: Path) -> None:
    process = started(tmp_path)
    when(process, lambda: list(tmp_path.glob("train/demo/.*.partial")))
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 1 and out == ""
    assert "interrupted in stage 'train mixed'" in err
    assert "go on from there: harness study demo --set " in err and "Traceback" not in err


def test_a_study_under_anothers_lock_waits_for_nobody(tmp_path: Path) -> None:
    with locked(tmp_path / "study"), pytest.raises(RunBusy, match="another study is running here"):
        run_study("demo", output_path=tmp_path)
    with locked(tmp_path / "study"):
        pass  # it was let go


def test_a_place_that_cannot_be_written_is_told_by_its_flag(tmp_path: Path) -> None:
    (tmp_path / "study").write_text("a file", encoding="utf-8")
    with pytest.raises(HarnessError, match="--output_path"):
        run_study("demo", output_path=tmp_path)
