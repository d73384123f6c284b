"""Stored answers read again: another rule, another file, no call."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from rows import rows, write_rows
from scripted import Scripted, says

from harness import executors, runner
from harness.cli.main import cli
from harness.errors import UsageError
from harness.models.base import ChatRequest, Completion, ModelSettings
from harness.request import RunRequest
from harness.rescore import rescore

PAIRS = rows(12)


def changeable(request: ChatRequest) -> Completion:
    """Names one label on its way, and another (or the same) at the end."""
    early = "[[A]]" if request.seed % 2 else "[[B]]"
    return Completion(f"First I thought {early}." + "." * 99 + "[[A]]", finish_reason="stop")


def ratings(request: ChatRequest) -> Completion:
    return Completion(f"Score: {request.seed % 4}", finish_reason="stop")


@pytest.fixture
def go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    data = write_rows(tmp_path / "pairs.json", PAIRS)

    def call(model: Any, *, judge: str | None = None) -> Any:
        if isinstance(model, Scripted):
            monkeypatch.setattr(executors, "open_model", lambda *_: model)
        request = RunRequest(
            tasks=("wpb_zh",),
            model="baseline:length" if isinstance(model, str) else "openai:scripted",
            settings=ModelSettings(judge=judge),
            data={"wpb_zh": data},
            output_path=tmp_path / "out",
        )
        [result] = runner.run(request)
        return result

    return call


def outcomes(folder: Path) -> list[tuple[str, str]]:
    lines = (folder / "verdicts.jsonl").read_text(encoding="utf-8").splitlines()
    return [(v["outcome"], v["raw"]) for v in map(json.loads, lines)]


@pytest.mark.parametrize(
    ("model", "judge"),
    [(changeable, "pairwise"), (changeable, "rm_r1"), (ratings, "rubric"), ("null", None)],
)
def test_the_runs_own_file_gives_the_same_numbers_and_no_new_folder(
    go: Any, model: Any, judge: str | None
) -> None:
    result = go(model if isinstance(model, str) else Scripted(model), judge=judge)
    again = rescore(result.folder)
    assert again.folder is None
    assert again.results == result.results
    assert len(list(result.folder.parent.iterdir())) == 1


def test_another_rule_gives_a_result_beside_the_old_one(go: Any) -> None:
    model = Scripted(changeable)
    result = go(model)
    asked = len(model.asked)
    other = rescore(result.folder, parser="only_label")
    assert len(model.asked) == asked
    assert other.folder is not None and other.folder.parent == result.folder.parent.resolve()
    both = [raw.count("[[B]]") > 0 for _, raw in outcomes(result.folder)]
    assert any(both) and not all(both)
    assert [found == "unparsed" for found, _ in outcomes(other.folder)] == both
    assert other.results["metrics"]["unparsed"] == sum(both)
    stored = json.loads((other.folder / "results.json").read_text(encoding="utf-8"))
    assert stored == other.results
    assert stored["judge"]["sha256"] != result.results["judge"]["sha256"]
    manifest = json.loads((other.folder / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["rescored_from"]["folder"] == result.folder.name
    assert rescore(result.folder, parser="only_label").folder == other.folder
    assert rescore(other.folder).folder is None


def test_the_verdict_of_another_file_is_used_and_its_prompts_are_not(
    go: Any, tmp_path: Path
) -> None:
    result = go(Scripted(says("<answer>[[B]]</answer> or [[A]]")))
    assert result.results["metrics"]["first_pick_rate"] == 1.0
    other = rescore(result.folder, judge="rm_r1")
    assert other.results["metrics"]["first_pick_rate"] == 0.0
    assert set(other.results["rules"]) == {"only_label", "tail_label"}
    with pytest.raises(UsageError, match="rubric"):
        rescore(result.folder, judge="rubric")


def test_ratings_are_read_again_by_another_scale(go: Any, tmp_path: Path) -> None:
    result = go(Scripted(ratings), judge="rubric")
    file = tmp_path / "narrow.yaml"
    file.write_text(
        "kind: pointwise\nname: narrow\nprompts: {zh: {user: '{{ prompt }} {{ text }}'}}\n"
        "verdict: {parser: last_number, min: 0, max: 2}\n",
        encoding="utf-8",
    )
    other = rescore(result.folder, judge=str(file))
    assert other.folder is not None
    found = map(json.loads, (other.folder / "scores.jsonl").read_text().splitlines())
    threes = {line["id"] for line in found if line["status"] == "unparsed"}
    pairs = map(json.loads, (other.folder / "pairs.jsonl").read_text().splitlines())
    spoilt = sum(bool({line["chosen_id"], line["rejected_id"]} & threes) for line in pairs)
    assert spoilt and other.results["metrics"]["unparsed"] == spoilt


def test_a_run_of_scores_has_no_answers_to_read(go: Any) -> None:
    with pytest.raises(UsageError, match="come from scores"):
        rescore(go("null").folder, parser="only_label")


def test_a_tampered_verdict_is_found_by_the_command(go: Any) -> None:
    folder = go(Scripted(changeable)).folder
    same = CliRunner().invoke(cli, ["rescore", str(folder)])
    assert same.exit_code == 0 and "the same numbers" in same.output
    file = folder / "verdicts.jsonl"
    text = file.read_text(encoding="utf-8").replace('"outcome": "rejected"', '"outcome": "chosen"')
    file.write_text(text, encoding="utf-8")
    found = CliRunner().invoke(cli, ["rescore", str(folder)])
    # the answers still say what they said; the stored numbers did, too
    assert found.exit_code == 0
    results = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    results["metrics"]["accuracy"] = 1.0
    (folder / "results.json").write_text(json.dumps(results), encoding="utf-8")
    found = CliRunner().invoke(cli, ["rescore", str(folder)])
    assert found.exit_code == 1 and "accuracy: 1.0 -> 0.5" in found.output
