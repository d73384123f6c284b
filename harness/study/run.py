"""From a study to its report: every stage run, or found as it was left."""

from __future__ import annotations

import hashlib
import json
import shlex
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.errors import HarnessError
from harness.progress import Progress, Silent
from harness.records import canonical
from harness.store import write_atomic
from harness.study.child import StageFailed, run_stage
from harness.study.ready import check_ready
from harness.study.report import Outcome, study_report, study_results
from harness.study.resolve import Study, resolve
from harness.study.stages import (
    Stage,
    has_errors,
    judge_stage,
    output_digest,
    train_stage,
    write_stage,
)
from harness.study.state import Done, State, locked


@dataclass(frozen=True, slots=True)
class StudyResult:
    """A finished study: its folder, the report as Markdown, and the stages that were run now."""

    folder: Path
    report: str
    results: dict[str, Any]
    ran: tuple[str, ...]


def run_study(
    name: str,
    *,
    output_path: Path,
    overrides: Sequence[str] = (),
    fresh: bool = False,
    progress: Progress | None = None,
) -> StudyResult:
    """Train, write, measure, judge and report; the same again runs only what has changed.

    Trainings lie under `<output_path>/train`, texts under `runs/<label>`, the arena under
    `arena`, the report under `study/<name>-<8 hex>`. `fresh` starts every stage over. A stage in
    which texts or verdicts are errors is started again the next time, which asks for those alone.
    Raises HarnessError that names a failed stage and the command that goes on from there.
    """
    heard = progress or Silent()
    study = resolve(name, overrides)
    for notice in study.notices:
        heard.notice(notice)
    check_ready(study, heard)
    home = output_path / "study"
    folder = home / f"{study.spec.name}-{study_id(study)}"
    with locked(home):
        runner = _Runner(State(home), folder, _again(name, overrides, output_path), fresh, heard)
        outcome = _stages(study, runner, output_path)
        results = study_results(study, outcome)
        report = study_report(study, outcome, results)
        folder.mkdir(exist_ok=True)  # no stage has logged into it where none was run
        write_atomic(folder / "results.json", canonical(results) + "\n")
        write_atomic(folder / "report.md", report)
        write_atomic(folder / "study.json", _described(study, runner))
    return StudyResult(folder, report, results, tuple(runner.ran))


def study_id(study: Study) -> str:
    """Eight digits that name the study with everything that was set in it."""
    whole = [
        study.spec.model_dump(mode="json"),
        [[one.label, one.name, *one.overrides] for one in study.members],
    ]
    return hashlib.sha256(canonical(whole).encode()).hexdigest()[:8]


def _stages(study: Study, runner: _Runner, output_path: Path) -> Outcome:
    trained = {
        member.label: runner.run(train_stage(study, member, output_path))
        for member in study.members
    }
    written: dict[str, Done] = {}
    for member in study.members:
        done = trained[member.label]
        stage = write_stage(study, member, done.paths[0] / "model", done.output, output_path)
        written[member.label] = runner.run(stage)
    judge = judge_stage(
        study.spec,
        [path for done in written.values() for path in done.paths],
        [done.output for done in written.values()],
        output_path,
    )
    arena = None if judge is None else runner.run(judge)
    return Outcome(
        {label: done.paths[0] for label, done in trained.items()},
        {label: done.paths for label, done in written.items()},
        None if arena is None else arena.paths[0],
    )


class _Runner:
    """Runs stages one after another, and remembers them."""

    def __init__(
        self, state: State, folder: Path, again: str, fresh: bool, progress: Progress
    ) -> None:
        self.state, self.folder, self.again = state, folder, again
        self.fresh, self.progress = fresh, progress
        self.ran: list[str] = []
        self.stages: list[tuple[Stage, Done]] = []

    def run(self, stage: Stage) -> Done:
        made = {one.inputs for one, _ in self.stages}  # in this study, so no older than it
        done = self.state.find(stage) if not self.fresh or stage.inputs in made else None
        if done is not None:
            self.progress.notice(f"unchanged: {stage.name}")
        else:
            done = self._start(stage)
            self.ran.append(stage.name)
        self.stages.append((stage, done))
        return done

    def _start(self, stage: Stage) -> Done:
        self.progress.notice(f"stage: {stage.name}")
        began = time.monotonic()
        log = self.folder / "logs" / f"{stage.name.replace(' ', '_')}.txt"
        try:
            folders = run_stage(stage, log, fresh=self.fresh)
        except StageFailed as error:
            raise HarnessError(f"{error}\n{self._ways(stage)}") from None
        except KeyboardInterrupt:
            raise HarnessError(
                f"interrupted in stage {stage.name!r}\n{self._ways(stage)}"
            ) from None
        output = output_digest(stage.what, folders)
        if output is None:
            where = ", ".join(map(str, folders))
            raise HarnessError(f"stage {stage.name!r}: {where} is not whole\n{self._ways(stage)}")
        seconds = round(time.monotonic() - began, 1)
        done = Done(stage.name, tuple(map(str, folders)), output, seconds)
        if not any(map(has_errors, folders)):
            self.state.add(stage, done)
        return done

    def _ways(self, stage: Stage) -> str:
        return f"go on from there: {self.again}\nthis stage alone:  {stage.command}"


def _again(name: str, overrides: Sequence[str], output_path: Path) -> str:
    flags = [flag for text in overrides for flag in ("--set", text)]
    return shlex.join(["harness", "study", name, *flags, "--output_path", str(output_path)])


def _described(study: Study, runner: _Runner) -> str:
    """study.json: the study as it was resolved, and where each stage left its output."""
    whole = {
        "schema": 1,
        "study": study.spec.model_dump(mode="json"),
        "overrides": list(study.overrides),
        "stages": [
            {
                "name": stage.name,
                "command": stage.command,
                "inputs_sha256": stage.inputs,
                "output_sha256": done.output,
                "folders": list(done.folders),
                "seconds": done.seconds,
            }
            for stage, done in runner.stages
        ],
    }
    return json.dumps(whole, ensure_ascii=False, sort_keys=True, indent=2) + "\n"
