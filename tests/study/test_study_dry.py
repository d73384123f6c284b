"""The plan of a study: every stage with its size, nothing written and nothing fetched."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tiny_study import TINY

from harness.reports.tables import records
from harness.study.dry import StudyPlan, dry_study
from harness.study.run import StudyResult

FAKE = "judge.model=fake:hash"


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A place without a cache of the hub, and no way to it."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hub"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def rows(plan: StudyPlan) -> dict[str, dict[str, Any]]:
    return {row["stage"]: row for row in records(plan.tables[0])}


def test_the_papers_study_is_planned_from_its_recipes_alone(nowhere: Path) -> None:
    plan = dry_study("coig_writer", output_path=nowhere / "out", overrides=[FAKE])
    found = rows(plan)
    # three epochs of batches of 32; CW+10k by the paper's counts
    steps = {"CW": 1665, "CW+1k": 3665, "CW+5k": 11665, "CW+10k": 21665, "G": 20000}
    for label, n in steps.items():
        assert found[f"train {label}"]["steps"] == 3 * -(-n // 32)
        assert found[f"train {label}"]["most"] == "at most", "no row was counted"
    # (204 + 353) prompts of 2,000 tokens
    assert found["write CW"]["tokens"] == 557 * 2000 and found["write CW"]["most"] == "about"
    assert f"judge: {2 * 10 * 557:,} calls" in found
    assert list(nowhere.iterdir()) == [], "nothing was written, no cache was begun"
    said = "\n".join(plan.tables[0].notes)
    assert "base Qwen/Qwen2.5-7B-Instruct" in said and "data.creative" in said


def test_every_stage_has_its_command_in_order(nowhere: Path) -> None:
    plan = dry_study("demo", output_path=nowhere, overrides=TINY)
    verbs = [line.split(" ")[1] for line in plan.commands if line.startswith("harness ")]
    assert verbs == ["train", "train", "run", "run", "arena"]


def test_without_a_judge_the_plan_ends_after_writing(nowhere: Path) -> None:
    plan = dry_study("coig_writer", output_path=nowhere, overrides=["judge=none", "recipes=G"])
    assert list(rows(plan)) == ["train G", "write G"]


def test_a_limit_and_what_is_assumed_change_the_estimate(nowhere: Path) -> None:
    overrides = ["judge=none", "recipes=G", "limit=10", "assumed.writing_tokens=50"]
    assert rows(dry_study("coig_writer", output_path=nowhere, overrides=overrides))["write G"][
        "tokens"
    ] == (2 * 10 * 50)
    hours = [
        float(
            rows(dry_study("coig_writer", output_path=nowhere, overrides=more))["train G"]["hours"]
        )
        for more in (["judge=none"], ["judge=none", "assumed.mfu=0.2"])
    ]
    assert hours[1] == pytest.approx(2 * hours[0], rel=0.03)


def test_hours_are_eight_operations_a_parameter_and_token(nowhere: Path) -> None:
    row = rows(dry_study("coig_writer", output_path=nowhere, overrides=["judge=none"]))["train G"]
    flops = 8 * 7_615_616_512 * row["tokens"]  # forward twice, backward once: checkpointing
    assert float(row["hours"]) == pytest.approx(flops / (0.4 * 989e12) / 3600, rel=0.03)


def test_what_is_done_is_said_to_be(
    whole: StudyResult, out: Path, judge: tuple[str, ...], nowhere: Path
) -> None:
    files = sorted(out.rglob("*"))
    found = rows(dry_study("demo", output_path=out, overrides=[*TINY, *judge]))
    assert {row["state"] for row in found.values()} == {"done"}
    assert found["train mixed"]["steps"] == 30 and found["train mixed"]["most"] == ""
    other = rows(dry_study("demo", output_path=out, overrides=[*TINY, FAKE + ",name=x"]))
    assert [row["state"] for row in other.values()] == ["done"] * 4 + ["to do"]
    assert sorted(out.rglob("*")) == files


def test_a_notice_that_all_recipes_share_is_heard_once(nowhere: Path) -> None:
    heard: list[str] = []

    class Ear:
        def notice(self, message: str) -> None:
            heard.append(message)

        def start(self, what: str, total: int, unit: str) -> None: ...
        def advance(self, n: int, *, tokens: int = 0) -> None: ...
        def finish(self) -> None: ...

    keys = ("general_zh.n", "general_zh.eval_n", "general_en.n", "general_en.eval_n")
    same = [f"mixed.data.{key}=0" for key in keys]
    dry_study("demo", output_path=nowhere, overrides=[*TINY, *same], progress=Ear())
    assert "creative and mixed are trained on the same: one model twice" in heard
    assert len(heard) == len(set(heard))
