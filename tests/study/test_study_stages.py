"""What names a stage: everything that can change its output, and no place on the machine."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from harness.bundled import bundled_dir
from harness.study.child import outputs_of
from harness.study.resolve import resolve
from harness.study.stages import Stage, judge_stage, output_digest, train_stage, write_stage
from harness.study.state import Done, State
from harness.training.recipe import RECIPES


def inputs(*overrides: str, out: str = "out", trained: str = "t", written: str = "w") -> list[str]:
    """The names of the train, write and judge stages of the demo study's first model."""
    study = resolve("demo", overrides)
    member, path = study.members[0], Path(out)
    judge = judge_stage(study.spec, [path / "r"], [written, "other"], path)
    assert judge is not None
    write = write_stage(study, member, path / "model", trained, path)
    return [train_stage(study, member, path).inputs, write.inputs, judge.inputs]


def changed(*overrides: str, **places: str) -> list[bool]:
    """Which of the three have another name than without the overrides."""
    return [a != b for a, b in zip(inputs(), inputs(*overrides, **places), strict=True)]


@pytest.mark.parametrize(
    "override",
    ["judge.model=fake:first", "judge.name=pairwise", "judge.flags.orders=seeded"],
)
def test_another_judge_leaves_training_and_writing_alone(override: str) -> None:
    assert changed(override) == [False, False, True]


@pytest.mark.parametrize(
    "override", ["limit=2", "writing.gen_kwargs=max_tokens=9", "tasks=demo_writing_zh"]
)
def test_another_way_to_write_leaves_training_alone(override: str) -> None:
    assert changed(override) == [False, True, False], "the judge's is by the texts"


@pytest.mark.parametrize("override", ["max_steps=41", "seed=1"])
def test_what_a_training_or_the_study_is_seeded_by_names_it(override: str) -> None:
    train, *others = changed(override)
    assert train == (override == "max_steps=41")
    assert others == ([True, True] if override == "seed=1" else [False, False])


def test_another_model_is_written_with_and_judged_anew() -> None:
    assert changed(trained="another") == [False, True, False]
    assert changed(written="another") == [False, False, True]


@pytest.mark.parametrize(
    "override",
    ["micro_batch_size=2", "threads=2", "save_steps=7", "about=x", "processes=2", "scale=1"],
)
def test_how_a_training_is_run_names_no_stage(override: str) -> None:
    assert changed(override) == [False, False, False]


def test_the_place_of_output_names_no_stage(tmp_path: Path) -> None:
    assert changed(out=str(tmp_path)) == [False, False, False]


def test_moved_data_is_the_same_and_a_changed_byte_another(tmp_path: Path) -> None:
    moved = {name: tmp_path / f"{name}.jsonl" for name in ("creative", "general_zh", "general_en")}
    for name, file in moved.items():
        shutil.copy(RECIPES / f"demo_{name}.jsonl", file)
    overrides = [f"data.{name}.file={file}" for name, file in moved.items()]
    assert changed(*overrides) == [False, False, False]
    file = moved["creative"]
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("，", "、", 1), encoding="utf-8")
    assert changed(*overrides) == [True, False, False]


def test_prompts_of_ones_own_are_named_by_their_bytes(tmp_path: Path) -> None:
    file = tmp_path / "zh.json"
    shutil.copy(bundled_dir("tasks") / "demo_zh.json", file)
    first = inputs(f"task_data.demo_writing_zh={file}")
    moved = shutil.copy(file, tmp_path / "other.json")
    assert inputs(f"task_data.demo_writing_zh={moved}") == first
    file.write_text(file.read_text(encoding="utf-8") + " ", encoding="utf-8")
    assert [a != b for a, b in zip(first, inputs(f"task_data.demo_writing_zh={file}"), strict=True)] == [
        False, True, False,
    ]  # fmt: skip


def test_a_stage_of_several_processes_is_started_by_accelerate() -> None:
    study = resolve("demo", ["processes=2"])
    stage = train_stage(study, study.members[0], Path("out"))
    assert stage.command.startswith("accelerate launch ") and "harness train demo" in stage.command
    assert stage.argv[1:3] == ["-m", "accelerate.commands.launch"]


# -- what a stage's command says of its output ---------------------------------------------------


def test_a_training_says_where_it_is(tmp_path: Path) -> None:
    from harness.cli.train import summary
    from harness.training.job import Trained

    source = {"n": 3}
    manifest = {
        "kind": "sft", "recipe": "demo", "parameters": 1, "steps": 2, "wall_seconds": 3.2,
        "mixture": {"sources": {"creative": source}}, "first_loss": 2.0, "last_loss": 1.0,
        "first_eval_loss": None, "last_eval_loss": None,
    }  # fmt: skip
    trained = Trained(tmp_path / "a b", tmp_path / "a b" / "model", {}, manifest, False)
    assert outputs_of(summary(trained)) == [tmp_path / "a b"]
    assert outputs_of(summary(replace(trained, reused=True))) == [tmp_path / "a b"]


def test_a_run_and_an_arena_say_where_they_are_each_time(tmp_path: Path) -> None:
    from click.testing import CliRunner
    from written import texts, write_runs

    from harness.cli.arena import arena
    from harness.cli.run import run

    rows = texts(["甲", "乙"], 3)
    folders = [result.folder for result in write_runs(tmp_path, rows, 3)]
    data = tmp_path / "prompts-zh.jsonl"
    again = ["--tasks", "coig_writer_zh", "--data", f"coig_writer_zh={data}", "--model",
             f"texts:{tmp_path / 'texts-zh.jsonl'}"]  # fmt: skip
    for out in (tmp_path / "out", tmp_path / "new"):  # reused, then made
        said = CliRunner().invoke(run, [*again, "--output_path", str(out)], catch_exceptions=False)
        assert sorted(outputs_of(said.output)) == sorted((out / "coig_writer_zh").iterdir())
    judged = [*map(str, folders), "--model", "fake:hash", "--output_path", str(tmp_path)]
    for _ in range(2):
        said = CliRunner().invoke(arena, judged, catch_exceptions=False)
        assert outputs_of(said.output) == list((tmp_path / "arena").iterdir())


def test_other_lines_name_no_output() -> None:
    assert outputs_of("unfinished: a\nnot finished: b\n finished: c\nit finished: d\n") == []


# -- what earlier stages left ---------------------------------------------------------------------

STAGE = Stage("judge", "judge", ("arena",), "inputs")


def judged(folder: Path) -> Done:
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("results.json", "verdicts.jsonl"):
        (folder / name).write_text("{}\n", encoding="utf-8")
    output = output_digest("judge", [folder])
    assert output is not None
    return Done("judge", (str(folder),), output, 1.0)


def test_a_finished_stage_is_found_until_its_output_is_changed_or_gone(tmp_path: Path) -> None:
    done = judged(tmp_path / "arena")
    State(tmp_path).add(STAGE, done)
    assert State(tmp_path).find(STAGE) == done
    assert State(tmp_path).find(replace(STAGE, inputs="others")) is None
    (tmp_path / "arena" / "verdicts.jsonl").write_text("{} \n", encoding="utf-8")
    assert State(tmp_path).find(STAGE) is None
    shutil.rmtree(tmp_path / "arena")
    assert State(tmp_path).find(STAGE) is None


def test_stages_are_found_where_their_place_was_moved_or_is_named_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    (out / "study").mkdir(parents=True)
    State(out / "study").add(STAGE, judged(out / "arena" / "1"))
    monkeypatch.chdir(out)
    assert State(Path("study")).find(STAGE) is not None
    moved = out.rename(tmp_path / "moved")
    found = State(moved / "study").find(STAGE)
    assert found is not None and found.paths == [moved / "arena" / "1"]


@pytest.mark.parametrize(
    "text",
    [
        "", "no json", "[]", "null", '{"inputs": 1}', '{"inputs": {"name": "judge"}}',
        json.dumps({"inputs": {"name": "", "folders": [], "output": "x", "seconds": 1}}),
        json.dumps({"inputs": {"name": "", "folders": 3, "output": "x", "seconds": 1}}),
        json.dumps({"inputs": {"name": "", "folders": [4], "output": "x", "seconds": 1}}),
    ],
)  # fmt: skip
@pytest.mark.parametrize("what", ["train", "judge"])
def test_a_damaged_list_of_stages_knows_none_of_them(what: str, text: str, tmp_path: Path) -> None:
    (tmp_path / "stages.json").write_text(text, encoding="utf-8")
    stage = Stage("train" if what == "train" else "judge", what, (), "inputs")
    state = State(tmp_path)
    assert state.find(stage) is None
    state.add(STAGE, judged(tmp_path / "arena"))
    assert State(tmp_path).find(STAGE) is not None
