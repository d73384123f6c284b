"""`harness study` by the command line: its plan, and wrong use told before anything is trained."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Harness = Callable[..., Any]
PLAN = ("study", "coig_writer", "--dry_run", "--output_path", "out")


def test_a_dry_run_prints_the_plan_and_the_commands_and_writes_nothing(
    harness: Harness, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    said = harness(*PLAN, "--set", "judge.model=openai:m")
    assert said.code == 0, said.err
    for part in ("Study coig_writer: the plan", "train CW+10k", "2,034", "judge: 11,140 calls",
                 "harness train coig_general --output_path out/train",
                 "harness arena RUN... --model openai:m"):  # fmt: skip
        assert part in said.out
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("judge.model=fakes:hash", "unknown backend 'fakes': did you mean 'fake'?"),
        ("judge.model=fake:hash,errors", "not key=value"),
        ("judge.name=pairwize", "unknown judge 'pairwize': did you mean 'pairwise'?"),
        ("judge.name=no/such.yaml", "no/such.yaml: No such file"),
        ("judge.flags.num_concurent=3", "judge: No such option '--num_concurent'"),
        ("judge.gen_kwargs=max_token=3", "did you mean 'max_tokens'?"),
        ("writing.flags.devize=cpu", "writing: No such option '--devize'"),
        ("writing.flags.device=tpu", "writing: Invalid value for '--device'"),
        ("writing.gen_kwargs=max_token=3", "did you mean 'max_tokens'?"),
        ("task_data.coig_writer_zh=nowhere.jsonl", "no such file"),
        ("human=nowhere.json", "'nowhere.json' does not exist"),
        ("tasks=demo_zh", "did you mean 'demo_writing_zh'?"),
    ],
)
@pytest.mark.parametrize("dry", [True, False])
def test_what_writing_or_judging_would_refuse_is_refused_before_training(
    harness: Harness, tmp_path: Path, override: str, said: str, dry: bool
) -> None:
    judge = () if override.startswith("judge.model") else ("--set", "judge.model=fake:hash")
    command = PLAN if dry else tuple(part for part in PLAN if part != "--dry_run")
    found = harness(*command, *judge, "--set", override)
    assert found.code == 2 and said in found.message
    assert not list(tmp_path.iterdir())


def test_wrong_use_is_one_message(harness: Harness) -> None:
    assert "nobody is named to judge" in harness("study", "coig_writer").message
    assert "did you mean 'demo'?" in harness("study", "demmo").message
    assert "write it as key=value" in harness("study", "demo", "--set", "limit").message
    assert "no/such.yaml" in harness("study", "no/such.yaml").message


def test_a_finished_study_prints_its_report_and_its_folder(
    harness: Harness, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from harness.study.run import StudyResult

    seen: dict[str, Any] = {}

    def instead(name: str, **given: Any) -> StudyResult:
        seen.update(given, name=name)
        return StudyResult(tmp_path / "study" / "demo-1", "# Study demo\n", {}, ())

    monkeypatch.setattr("harness.study.run.run_study", instead)
    said = harness("study", "demo", "--fresh", "--set", "limit=2", "--output-path", "o")
    assert said.out == f"# Study demo\n\nfinished: {tmp_path / 'study' / 'demo-1'}\n"
    assert (seen["name"], seen["fresh"], seen["output_path"]) == ("demo", True, Path("o"))
    assert seen["overrides"] == ("limit=2",)
