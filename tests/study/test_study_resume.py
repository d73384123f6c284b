"""Nothing of a study is done twice, and after every kill it goes on to the same results."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from fault_server import FaultServer
from judged import Changing
from tiny_study import ALL, drawn, read, started, tiny, when

from harness.study.run import StudyResult
from harness.study.stages import Stage


def test_the_same_again_starts_nothing(
    whole: StudyResult, out: Path, judge: tuple[str, ...], server: FaultServer
) -> None:
    asked = sum(server.calls.values())
    again = tiny(out, judge)
    assert again.ran == () and again.report == whole.report and again.results == whole.results
    assert sum(server.calls.values()) == asked


def test_another_judge_judges_and_nothing_else(whole: StudyResult, out: Path) -> None:
    other = tiny(out, ("judge.model=fake:first",))
    assert other.ran == ("judge",) and other.folder != whole.folder
    assert other.results["texts"] == whole.results["texts"]


def test_verdicts_that_are_errors_are_asked_for_again(whole: StudyResult, out: Path) -> None:
    failing = ("judge.model=fake:hash,errors=0.4",)
    found = tiny(out, failing)
    assert found.results["arena"]["order"]["errors"] > 0
    assert "Failures: " in found.report, "the report says so"
    assert tiny(out, failing).ran == ("judge",)


def test_fresh_starts_every_stage_over(
    whole: StudyResult, out: Path, judge: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    started_over: list[tuple[str, bool]] = []
    folders = {one["name"]: one["folders"] for one in read(whole.folder / "study.json")["stages"]}

    def instead(stage: Stage, log: Path, *, fresh: bool = False) -> list[Path]:
        started_over.append((stage.name, fresh))
        return [Path(folder) for folder in folders[stage.name]]

    monkeypatch.setattr("harness.study.run.run_stage", instead)
    assert list(tiny(out, judge, fresh=True).ran) == ALL
    assert started_over == [(name, True) for name in ALL]


def test_an_output_that_is_gone_or_damaged_is_made_again_and_what_follows_is_not(
    whole: StudyResult, out: Path, judge: tuple[str, ...]
) -> None:
    shutil.rmtree(out / "runs" / "mixed")
    [model] = [
        Path(stage["folders"][0]) / "model" / "model.safetensors"
        for stage in read(whole.folder / "study.json")["stages"]
        if stage["name"] == "train creative"
    ]
    weights = model.read_bytes()
    model.write_bytes(weights[:100])
    again = tiny(out, judge)
    assert again.ran == ("train creative", "write mixed")
    assert model.read_bytes() == weights and again.results == whole.results


def test_killed_in_each_kind_of_stage_it_goes_on_to_the_same_results(
    whole: StudyResult,
    tmp_path: Path,
    judge: tuple[str, ...],
    server: FaultServer,
    answers: Changing,
) -> None:
    def done() -> list[str]:
        file = tmp_path / "study" / "stages.json"
        return [one["name"] for one in read(file).values()] if file.exists() else []

    def killed_when(there: Callable[[], object]) -> None:
        process = started(tmp_path, judge)
        when(process, there)
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()

    training = "train/demo/.*.partial/checkpoints/checkpoint-2/trainer_state.json"
    killed_when(lambda: list(tmp_path.glob(training)))
    assert done() == []

    texts = "runs/mixed/*/*/texts.jsonl"
    killed_when(lambda: any(file.stat().st_size for file in tmp_path.glob(texts)))
    assert done() == ["train mixed", "train creative"]

    before = server.calls.copy()
    answers.now = drawn(delay=0.3)
    killed_when(lambda: sum((server.calls - before).values()) >= 3)
    answers.now = drawn()
    assert done() == ["train mixed", "train creative", "write mixed", "write creative"]

    last = tiny(tmp_path, judge)
    assert last.ran == ("judge",)
    assert (last.folder / "results.json").read_bytes() == (
        whole.folder / "results.json"
    ).read_bytes()
    asked = server.calls - before
    assert set(asked) == set(before), "the same pairs of texts as in the unbroken study"
    assert sum(asked.values()) <= len(asked) + 1, "again only what was in flight"


def test_a_stage_leaves_what_it_said_in_a_log(whole: StudyResult) -> None:
    names = {path.name for path in (whole.folder / "logs").iterdir()}
    assert names == {f"{name.replace(' ', '_')}.txt" for name in ALL}
