"""What a study needs after its trainings is looked for before them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from harness.errors import DataError, HarnessError, MissingExtra, UsageError
from harness.models.vllm.engine import vllm_is_there
from harness.progress import Silent
from harness.study.ready import check_ready
from harness.study.resolve import resolve
from harness.study.run import run_study


class Heard(Silent):
    def __init__(self) -> None:
        self.notices: list[str] = []

    def notice(self, message: str) -> None:
        self.notices.append(message)


def ready(*overrides: str, progress: Any = None) -> None:
    check_ready(resolve("demo", overrides), progress or Silent())


def rankings(file: Path, *models: str) -> Path:
    ranked = [{"rank": n, "source_file": model} for n, model in enumerate(models, 1)]
    row = {"question_id": "p1", "prompt": "写一篇关于雨的短文。", "ranked_responses": ranked}
    file.write_text(json.dumps([row], ensure_ascii=False), encoding="utf-8")
    return file


def test_the_shipped_demo_is_ready() -> None:
    ready()


def test_prompts_that_are_not_there_are_told_by_their_key(tmp_path: Path) -> None:
    file = tmp_path / "p.jsonl"
    with pytest.raises(UsageError, match=r"--set task_data.demo_writing_zh: .*no such file"):
        ready(f"task_data.demo_writing_zh={file}")
    file.write_text("{", encoding="utf-8")
    with pytest.raises(DataError, match=r"--set task_data.demo_writing_zh: "):
        ready(f"task_data.demo_writing_zh={file}")


def test_a_judge_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"--set judge.model=.*: no such folder"):
        ready(f"judge.model={tmp_path / 'no'}")
    ready("judge.model=openai:name")


@pytest.mark.skipif(vllm_is_there(), reason="vLLM is installed")
def test_a_backend_that_is_not_installed_is_refused() -> None:
    with pytest.raises(MissingExtra, match=r"writing.backend=vllm"):
        ready("writing.backend=vllm")


def test_rankings_of_other_models_are_refused(tmp_path: Path) -> None:
    file = rankings(tmp_path / "r.json", "a", "b")
    with pytest.raises(UsageError, match="of a, b, none of them a label of the study"):
        ready(f"human={file}", "judge=none")


def test_labels_that_the_rankings_lack_are_named(tmp_path: Path) -> None:
    heard = Heard()
    ready(f"human={rankings(tmp_path / 'r.json', 'mixed', 'b')}", "judge=none", progress=heard)
    assert heard.notices == ["the rankings say nothing of creative"]


def test_nothing_is_trained_before_it_is_ready(tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match="no such folder"):
        run_study("demo", output_path=tmp_path, overrides=[f"judge.model={tmp_path / 'no'}"])
    assert not list(tmp_path.iterdir())
