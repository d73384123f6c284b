"""`harness report RUN --format lm_eval`: files that lm-eval's own tools read, and wrong use."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from lm_eval_exports import MODELS, PAIRS, asked, export, pairs_run

from harness.errors import UsageError

pytest.importorskip("lm_eval", reason="needs the lm-eval extra")
from lm_eval import utils


@pytest.mark.parametrize(("model", "judge"), MODELS)
def test_lm_evals_own_table_and_file_names_read_it(
    model: str, judge: str | None, tmp_path: Path
) -> None:
    found = export(tmp_path, pairs_run(tmp_path, model, judge))
    table = utils.make_table(found.results)
    accuracy = found.results["results"][PAIRS]["acc,none"]
    assert f"|{PAIRS} " in table and "| - Poetry " in table
    assert f"{accuracy:.4f}".rstrip("0") in table
    assert PAIRS in utils.make_table(found.results, "groups")
    results, samples = found.files
    assert utils.get_results_filenames([str(results)]) == [str(results)]
    assert utils.get_sample_results_filenames([str(samples)]) == [str(samples)]
    assert utils.get_file_task_name(samples.name) == PAIRS
    stamp = utils.get_file_datetime(samples.name)
    assert results.name == f"results_{stamp}.json"
    name = found.results["model_name"]
    assert results.parent.name == utils.sanitize_model_name(name)
    assert results.parent.name == found.results["model_name_sanitized"]


def test_results_and_samples_have_the_keys_of_lm_evals_schema(tmp_path: Path) -> None:
    from lm_eval.result_schema import EvalResults, SampleResult

    found = export(tmp_path, pairs_run(tmp_path, "baseline:length"))
    for sample in found.samples:
        assert set(SampleResult.__required_keys__) <= set(sample)
        assert set(sample) - set(SampleResult.__annotations__) == set(sample["metrics"])
    ours_alone = {"harness_version"}
    assert set(found.results) - ours_alone <= set(EvalResults.__annotations__)


def test_two_runs_of_a_model_are_four_files(tmp_path: Path) -> None:
    for seed in (0, 1):
        pairs_run(tmp_path, "baseline:random", seed=seed)
    said = asked(tmp_path / "out", "--format", "lm_eval", "--out", tmp_path / "lm")
    assert len(set(said.stdout.splitlines())) == 4
    assert len(list((tmp_path / "lm").rglob("*.json*"))) == 4


def test_an_arena_is_left_out_and_alone_refused(tmp_path: Path) -> None:
    result = pairs_run(tmp_path, "baseline:length")
    arena = tmp_path / "out" / "arena" / "1a2b3c4d"
    arena.mkdir(parents=True)
    found = {"runs": [], "n": [], "win_rate": [], "bradley_terry": {}, "genres": {}}
    found |= {"kind": "arena", "languages": [], "order": {}}
    (arena / "results.json").write_text(json.dumps(found), encoding="utf-8")
    (arena / "manifest.json").write_text('{"status": "finished"}', encoding="utf-8")
    (arena / "verdicts.jsonl").touch()
    said = asked(result.folder, arena, "--format", "lm_eval", "--out", tmp_path / "lm")
    assert len(said.stdout.splitlines()) == 2
    assert "1a2b3c4d: an arena, and lm-eval's output has no place" in said.stderr
    alone = asked(arena, "--format", "lm_eval", "--out", tmp_path / "lm")
    assert isinstance(alone.exception, UsageError)


def test_names_of_a_stranger_lead_nowhere_else(tmp_path: Path) -> None:
    result = pairs_run(tmp_path, "baseline:length")
    file = result.folder / "results.json"
    found = json.loads(file.read_text("utf-8"))
    found["task"], found["model"]["name"] = "../../x", ".."
    file.write_text(json.dumps(found), encoding="utf-8")
    written = export(tmp_path, result).files
    assert [path.parent for path in written] == [tmp_path / "lm" / "__"] * 2
    assert all(path.resolve().is_relative_to(tmp_path / "lm") for path in written)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ((), "--format lm_eval: name a folder with --out"),
        (("--out", "pairs.json"), "--format lm_eval: name a folder with --out"),
        (("--out", "lm", "--by", "tag"), "--format lm_eval: a row a genre always; leave --by out"),
    ],
)
def test_wrong_use_is_told_before_anything_is_written(
    more: tuple[str, ...], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = pairs_run(tmp_path, "baseline:length")
    monkeypatch.chdir(tmp_path)
    said = asked(result.folder, "--format", "lm_eval", *more)
    assert isinstance(said.exception, UsageError)
    assert str(said.exception) == message
    assert not (tmp_path / "lm").exists()
