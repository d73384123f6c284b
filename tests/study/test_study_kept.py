"""Where a study's files lie, and what counts as a change of a stage's output."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.study.report import _plain
from harness.study.resolve import resolve
from harness.study.stages import judge_stage, output_digest


def test_files_of_a_study_lie_beside_its_yaml(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "small.yaml").write_text("extends: demo\nkind: sft\nname: small\nmax_steps: 3\n")
    for name in ("prompts.jsonl", "rows.jsonl", "people.json"):
        (home / name).write_text("", encoding="utf-8")
    (home / "mine.yaml").write_text(
        "kind: study\nname: mine\ntasks: [demo_writing_zh]\nhuman: [people.json]\n"
        "recipes: {a: small.yaml, b: demo}\nset: {data.creative.file: rows.jsonl}\n"
        "task_data: {demo_writing_zh: prompts.jsonl}\n",
        encoding="utf-8",
    )
    monkeypatch.chdir(tmp_path)
    study = resolve("home/mine.yaml")
    assert study.members[0].spec.max_steps == 3
    assert study.members[1].name == "demo"
    assert {member.spec.data["creative"].file for member in study.members} == {
        str(home / "rows.jsonl")
    }
    assert study.spec.task_data == {"demo_writing_zh": str(home / "prompts.jsonl")}
    assert study.spec.human == (str(home / "people.json"),)


def test_the_address_of_a_server_stays_whole_and_folders_go() -> None:
    text = "judge.model_args=base_url=http://localhost:8000/v1"
    assert _plain(text) == text
    assert _plain("data.creative.file=/home/me/rows.jsonl") == "data.creative.file=rows.jsonl"
    assert _plain("base=Qwen/Qwen2.5-7B-Instruct") == "base=Qwen/Qwen2.5-7B-Instruct"


def test_a_changed_judge_file_is_another_judging(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    spec = resolve("demo", ["judge.name=mine.yaml"]).spec
    inputs = []
    for about in ("one", "two"):
        (tmp_path / "mine.yaml").write_text(judge_file(about), encoding="utf-8")
        stage = judge_stage(spec, [], [], tmp_path)
        assert stage is not None
        inputs.append(stage.inputs)
    assert inputs[0] != inputs[1]


def judge_file(about: str) -> str:
    from harness.bundled import bundled_dir

    text = (bundled_dir("judges") / "pairwise.yaml").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.startswith(("about:", "name:"))]
    return "\n".join([*lines, f"about: {about}", "name: mine"]) + "\n"


def test_other_weights_of_one_training_are_another_output(
    finished_training: Callable[[], Path],
) -> None:
    folder = finished_training()
    before = output_digest("train", [folder])
    weights = folder / "model" / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(bytes(content))
    assert before is not None and output_digest("train", [folder]) not in (None, before)


@pytest.fixture
def finished_training(tmp_path: Path) -> Callable[[], Path]:
    """A folder such as a training leaves, of a model of a few weights."""
    torch: Any = pytest.importorskip("torch", reason="needs the extra hf")
    from safetensors.torch import save_file

    from harness.training.folder import write_json

    def make() -> Path:
        model = tmp_path / "model"
        model.mkdir()
        save_file({"weight": torch.zeros(64)}, model / "model.safetensors")
        (model / "config.json").write_text("{}", encoding="utf-8")
        names = ("model/model.safetensors", "model/config.json")
        files = {name: (tmp_path / name).stat().st_size for name in names}
        write_json(tmp_path / "manifest.json", {"identity_sha256": "0" * 64, "files": files})
        return tmp_path

    return make
