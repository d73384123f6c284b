"""The stages of a study: harness commands, what each depends on, and where it left its output."""

from __future__ import annotations

import hashlib
import json
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from harness.models.checkpoint import open_checkpoint
from harness.records import canonical
from harness.spec_files import load_any, load_named
from harness.specs import (
    PairwiseJudge,
    PointwiseJudge,
    RewardRecipe,
    StudySpec,
    WritingSpec,
    spec_sha256,
)
from harness.specs.training import MACHINE
from harness.study.resolve import Member, Study
from harness.training.folder import finished
from harness.training.launch import launch_command

SCHEMA = 1  # raised when a stage would come out otherwise from the same inputs
What = Literal["train", "write", "judge"]


@dataclass(frozen=True, slots=True)
class Stage:
    """A step of a study: the arguments of one harness command.

    `inputs` names everything that can change its output, and no place on the machine. `processes`
    above 1 starts it by `accelerate launch`.
    """

    what: What
    name: str
    arguments: tuple[str, ...]
    inputs: str
    processes: int = 1

    @property
    def command(self) -> str:
        """The line to type for this stage alone."""
        if self.processes > 1:
            recipe, *rest = self.arguments[1:]
            return launch_command(recipe, rest, processes=self.processes)
        return shlex.join(["harness", *self.arguments])

    @property
    def argv(self) -> list[str]:
        """The same for this interpreter."""
        if self.processes > 1:
            launcher, started, *rest = shlex.split(self.command)
            assert (launcher, started) == ("accelerate", "launch")
            return [sys.executable, "-m", "accelerate.commands.launch", *rest]
        return [sys.executable, "-m", "harness", *self.arguments]


def train_stage(study: Study, member: Member, output_path: Path) -> Stage:
    """The training of one model."""
    places = {"data", "base", "contamination_data"}
    settings = member.spec.model_dump(mode="json", exclude=set(MACHINE | places))
    files = {
        name: _file_sum(source.file, member.recipe.home) if source.file else _hub(source)
        for name, source in member.spec.data.items()
        if source.n != 0 or source.eval_n
    }
    sources = {
        name: source.model_dump(mode="json", exclude={"file", "hub"})
        for name, source in member.spec.data.items()
    }
    tests = {task: _file_sum(file) for task, file in member.spec.contamination_data.items()}
    flags = [f"--set={text}" for text in member.overrides]
    return Stage(
        "train",
        f"train {member.label}",
        ("train", member.name, *flags, "--output_path", str(output_path / "train")),
        _digest("train", settings, files, sources, tests, _base(member)),
        study.spec.processes,
    )


def write_stage(study: Study, member: Member, model: Path, made: str, output_path: Path) -> Stage:
    """One model's texts for all tasks; `made` is the digest of the training's output."""
    spec, how = study.spec, study.spec.writing
    named = ",".join(filter(None, [f"name={member.label}", how.model_args]))
    backend = "" if how.backend == "hf" else f"{how.backend}:"
    wanted = [
        *("--tasks", ",".join(spec.tasks)),
        *(("--limit", str(spec.limit)) if spec.limit else ()),
        *(("--gen_kwargs", how.gen_kwargs) if how.gen_kwargs else ()),
        *("--seed", str(spec.seed)),
        *_flags(how.flags),
    ]
    data = [flag for task, file in spec.task_data.items() for flag in ("--data", f"{task}={file}")]
    sums = [_task_sum(task, spec.task_data.get(task)) for task in spec.tasks]
    return Stage(
        "write",
        f"write {member.label}",
        (
            *("run", *wanted, "--model", f"{backend}{model}", "--model_args", named, *data),
            *("--output_path", str(output_path / "runs" / member.label)),
        ),
        _digest("write", wanted, named, how.backend, made, sums),
    )


def judge_stage(
    spec: StudySpec, runs: Sequence[Path], made: Sequence[str], output_path: Path
) -> Stage | None:
    """The arena of all models; null where the study ends after measuring."""
    place = ("--output_path", str(output_path))
    if spec.human:
        sums = [_file_sum(file) for file in spec.human]
        asked = [flag for file in spec.human for flag in ("--human", file)]
        arguments = ("arena", *asked, "--seed", str(spec.seed), *place)
        return Stage("judge", "judge (people)", arguments, _digest("human", sums, spec.seed))
    judge = spec.judge
    if judge is None:
        return None
    assert judge.model is not None
    wanted = [
        *("--model", judge.model),
        *(("--judge", judge.name) if judge.name else ()),
        *(("--model_args", judge.model_args) if judge.model_args else ()),
        *(("--gen_kwargs", judge.gen_kwargs) if judge.gen_kwargs else ()),
        *("--seed", str(spec.seed)),
        *_flags(judge.flags),
    ]
    local = _checkpoint_sum(judge.model)
    own = None if judge.name is None else _judge_sum(judge.name, judge.flags.get("include_path"))
    return Stage(
        "judge",
        "judge",
        ("arena", *map(str, runs), *wanted, *place),
        _digest("judge", wanted, local, own, sorted(made)),
    )


def output_digest(what: What, folders: Sequence[Path]) -> str | None:
    """What names a stage's output; null where it is not there, or not whole."""
    if not folders:
        return None
    if what == "train":
        manifest = finished(folders[0])
        if manifest is None:
            return None
        # one training gives other weights on other hardware: what was made counts, too
        weights = open_checkpoint(str(folders[0] / "model")).fingerprint()
        return _digest(manifest["identity_sha256"], manifest["files"], weights)
    names = {"write": ("results.json", "texts.jsonl"), "judge": ("results.json", "verdicts.jsonl")}
    files = [folder / name for folder in folders for name in names[what]]
    try:
        return _digest(*(_sum(file.read_bytes()) for file in files))
    except OSError:
        return None


def has_errors(folder: Path) -> bool:
    """Whether texts or verdicts of a finished stage are missing: its command tries them again."""
    try:
        results = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False  # a training has none
    counted = results.get("metrics") or results.get("order") or {}
    return bool(counted.get("errors"))


def _flags(flags: Mapping[str, Any]) -> list[str]:
    found = []
    for name, value in flags.items():
        if value is True:
            found.append(f"--{name}")
        elif value is not False:
            found += [f"--{name}", str(value)]
    return found


def _hub(source: Any) -> Any:
    return source.hub.model_dump(mode="json") if source.hub else None


def _base(member: Member) -> Any:
    """The contents of a base folder, or the name and revision of the hub's."""
    base = member.spec.base
    if base is None:
        return None
    return _checkpoint_sum(base) or [base, member.spec.base_revision]


def _checkpoint_sum(name: str) -> str | None:
    """The fingerprint of a local checkpoint in the words of --model; null for any other model."""
    folder = Path(name.partition(":")[2].partition(",")[0] if ":" in name else name).expanduser()
    if not (folder / "config.json").is_file():
        return None
    return open_checkpoint(str(folder)).fingerprint()


def _task_sum(task: str, data: str | None) -> list[str | None]:
    """What a task asks for: its YAML, and the file given in place of its own."""
    spec = load_named("tasks", task, WritingSpec, "writing task")
    return [spec_sha256(spec), _file_sum(data) if data else None]


def _judge_sum(name: str, include: Any) -> str:
    """What a judge file says, wherever it lies."""
    folders = (Path(include),) if isinstance(include, str) else ()
    kinds = (PairwiseJudge, PointwiseJudge, RewardRecipe)
    return spec_sha256(load_any("judges", name, kinds, "judge", folders))


def _file_sum(file: str, home: Path | None = None) -> str | None:
    """The sum of a file; null where there is none, which the stage's own command will say."""
    path = Path(file).expanduser()
    for one in (home / path if home else path, path):
        if one.is_file():
            with one.open("rb") as stream:
                return hashlib.file_digest(stream, "sha256").hexdigest()
    return None


def _sum(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _digest(*parts: Any) -> str:
    text = canonical(json.loads(json.dumps([SCHEMA, *parts], sort_keys=True)))
    return hashlib.sha256(text.encode()).hexdigest()
