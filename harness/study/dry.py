"""What a study would do: every stage with steps, tokens and GPU hours; nothing is run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

from harness.data import load_prompts
from harness.data.fetch import source_file
from harness.errors import HarnessError
from harness.progress import Progress, Silent
from harness.reports.tables import Column, Table, from_records
from harness.spec_files import load_named
from harness.specs import WritingSpec
from harness.study.published import published
from harness.study.resolve import Study, resolve
from harness.study.stages import judge_stage, train_stage, write_stage
from harness.study.state import Done, State
from harness.training.estimate import Assumptions, about, judging_hours, writing_hours
from harness.training.plan import Plan, plan

STAGES = (
    Column("stage", "stage", "name"),
    Column("state", "state"),
    Column("steps", "steps", "count"),
    Column("tokens", "tokens", "count"),
    Column("most", ""),
    Column("hours", "GPU hours"),
)


_SEVEN_B = 7_000_000_000
_ELSEWHERE = ("openai:", "fake:", "baseline:")  # judges that take no GPU here


@dataclass(frozen=True, slots=True)
class StudyPlan:
    """The plan as tables to print, and the commands of the stages."""

    tables: list[Table]
    commands: list[str]


def dry_study(
    name: str,
    *,
    output_path: Path,
    overrides: Sequence[str] = (),
    progress: Progress | None = None,
) -> StudyPlan:
    """The plan of a study; nothing is downloaded, trained or asked."""
    heard = Once(progress or Silent())
    study = resolve(name, overrides)
    for notice in study.notices:
        heard.notice(notice)
    spec = study.spec
    assumed = Assumptions(
        gpu="",
        peak_tflops=spec.assumed.peak_tflops,
        mfu=spec.assumed.mfu,
        decode_share=spec.assumed.decode_share,
    )
    state = State(output_path / "study")
    prompts = {task: _prompts(study, task) for task in spec.tasks}
    rows: list[dict[str, Any]] = []
    commands: list[str] = []
    plans: list[Plan] = []
    trained: list[Done | None] = []
    for member in study.members:
        one = plan(
            member.name,
            output_path=output_path / "train",
            overrides=member.overrides,
            assumptions=assumed,
            progress=heard,
        )
        stage = train_stage(study, member, output_path)
        plans.append(one)
        trained.append(state.find(stage))
        rows.append(_training(stage.name, one, trained[-1] is not None))
        commands.append(stage.command)
    written: list[Done] = []
    for member, one, made in zip(study.members, plans, trained, strict=True):
        model, output = (made.paths[0] / "model", made.output) if made else (Path("MODEL"), "")
        write = write_stage(study, member, model, output, output_path)
        there = state.find(write) if made else None
        written += [there] if there else []
        rows.append(_writing(write.name, there is not None, prompts, one, study, assumed))
        commands.append(write.command)
    whole = len(written) == len(study.members)
    paths = [path for one in written for path in one.paths] if whole else [Path("RUN...")]
    judge = judge_stage(spec, paths, [one.output for one in written], output_path)
    if judge is not None:
        judged = (whole or bool(spec.human)) and state.find(judge) is not None
        rows.append(_judging(judge.name, judged, study, prompts, assumed))
        commands.append(judge.command)
    missing = dict.fromkeys(one for each in plans for one in each.missing)
    table = _table(study, rows, list(missing))
    return StudyPlan([table], ["", "the stages, as commands of their own:", *commands])


def _table(study: Study, rows: Sequence[Mapping[str, Any]], missing: Sequence[str]) -> Table:
    assumed = study.spec.assumed
    total = [row["hours"] for row in rows if row["hours"] is not None]
    notes = [
        f"GPU hours at {100 * assumed.mfu:.0f} % of {assumed.peak_tflops:g} TFLOP/s for training "
        f"and reading, {100 * assumed.decode_share:.0f} % for writing "
        f"{assumed.writing_tokens:,} tokens a text; in all {about(sum(total))}"
        + (", without what cannot be told yet." if len(total) < len(rows) else "."),
        *(f"Not at hand: {one}." for one in missing),
    ]
    shown = [{**row, "hours": _digits(row["hours"])} for row in rows]
    table = from_records(f"Study {study.spec.name}: the plan", STAGES, shown)
    return Table(table.title, table.columns, table.rows, tuple(notes))


def _training(name: str, one: Plan, done: bool) -> dict[str, Any]:
    return {
        "stage": name,
        "state": "done" if done or one.finished else "to do",
        "steps": one.steps,
        "tokens": one.tokens,
        "most": "" if one.exact else "at most",
        "hours": one.gpu_hours,
    }


class Once(Silent):
    """Passes a notice on the first time it is heard: the recipes of a study share their data."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._heard: set[str] = set()

    def notice(self, message: str) -> None:
        if message not in self._heard:
            self._heard.add(message)
            self._progress.notice(message)


def _digits(hours: float | None) -> str:
    return "?" if hours is None else about(hours, "") if hours else "0"


def _prompts(study: Study, task: str) -> int | None:
    """How many prompts a task has; of one that is not at hand, the paper's number."""
    spec = load_named("tasks", task, WritingSpec, "writing task")
    data = study.spec.task_data.get(task)
    limit = study.spec.limit
    try:
        if data is None:
            source_file(spec, at_hand=True)
        n = len(load_prompts(spec, file=Path(data) if data else None).prompts)
    except HarnessError:
        paper = published(spec)
        if data is not None or paper is None:
            return limit
        n = paper.prompts
    return n if limit is None else min(n, limit)


def _writing(
    name: str,
    done: bool,
    prompts: Mapping[str, int | None],
    one: Plan,
    study: Study,
    assumed: Assumptions,
) -> dict[str, Any]:
    known = [n for n in prompts.values() if n is not None]
    whole = len(known) == len(prompts)
    tokens = sum(known) * study.spec.assumed.writing_tokens if whole else None
    hours = None
    if tokens is not None and one.parameters is not None:
        hours = writing_hours(one.parameters, tokens, assumed)
    return {
        "stage": name,
        "state": "done" if done else "to do",
        "steps": None,
        "tokens": tokens,
        "most": "about",
        "hours": hours,
    }


def _judging(
    name: str,
    done: bool,
    study: Study,
    prompts: Mapping[str, int | None],
    assumed: Assumptions,
) -> dict[str, Any]:
    """Calls of the judge; hours of one of seven billion parameters, for want of knowing it."""
    state = "done" if done else "to do"
    row: dict[str, Any] = {"stage": name, "state": state, "steps": None, "most": "about"}
    if study.spec.human or any(n is None for n in prompts.values()):
        return row | {"tokens": None, "hours": None}
    pairs = len(list(combinations(study.members, 2)))
    calls = 2 * pairs * sum(n or 0 for n in prompts.values())
    tokens_in = 2 * study.spec.assumed.writing_tokens
    judge = study.spec.judge
    elsewhere = judge is not None and (judge.model or "").startswith(_ELSEWHERE)
    hours = 0.0 if elsewhere else judging_hours(_SEVEN_B, calls, tokens_in, 300, assumed)
    return row | {"tokens": calls * tokens_in, "hours": hours, "stage": f"{name}: {calls:,} calls"}
