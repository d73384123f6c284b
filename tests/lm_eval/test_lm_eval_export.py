"""`harness report RUN --format lm_eval`: what our runs hold in lm-eval's layout."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from lm_eval_exports import MODELS, PAIRS, export, pairs_run, writing_run
from written import prompts, stored

from harness.reports.lm_eval_rows import chosen_index

pytest.importorskip("lm_eval", reason="needs the lm-eval extra")
from lm_eval import utils
from lm_eval.api.metrics import mean_stderr


@pytest.mark.parametrize(("model", "judge"), MODELS)
def test_a_run_over_pairs_holds_what_results_json_holds(
    model: str, judge: str | None, tmp_path: Path
) -> None:
    found = export(tmp_path, pairs_run(tmp_path, model, judge))
    whole, ours = found.results["results"][PAIRS], found.run.results
    assert whole["acc,none"] == ours["metrics"]["accuracy"]
    assert whole["acc_half,none"] == ours["metrics"]["accuracy_half"]
    assert whole["sample_len"] == len(found.samples) == 16
    for name in ("acc", "acc_half"):  # what scripts do with samples comes to the same
        values = [sample[name] for sample in found.samples]
        assert whole[f"{name},none"] == pytest.approx(sum(values) / 16)
        assert whole[f"{name}_stderr,none"] == pytest.approx(mean_stderr(values))
    for genre, numbers in ours["genres"].items():
        [own] = [one for one in found.results["results"].values() if one["alias"] == genre]
        values = [one["acc"] for one in found.samples if one["doc"]["genre"] == genre]
        assert own["acc,none"] == numbers["accuracy"] == pytest.approx(sum(values) / len(values))
        assert own["name"] in found.results["group_subtasks"][PAIRS]
    coverage = ours["metrics"]["coverage"]
    assert (whole["coverage,none"], whole["coverage_stderr,none"]) == (coverage, "N/A")


def test_scores_stand_at_the_side_that_the_id_of_a_pair_gives(tmp_path: Path) -> None:
    found = export(tmp_path, pairs_run(tmp_path, "baseline:length"))
    targets = set()
    for sample in found.samples:
        doc, target = sample["doc"], int(sample["target"])
        scores = [float(resp[0]) for resp in sample["filtered_resps"]]
        assert scores[target] == doc["chosen_chars"]
        assert scores[1 - target] == doc["rejected_chars"]
        assert sample["resps"] == [[[str(scores[0])]], [[str(scores[1])]]]
        assert sample["acc"] == float(scores[target] > scores[1 - target])
        assert target == chosen_index(doc["pair_id"])
        targets.add(target)
    assert targets == {0, 1}
    assert [sample["acc_half"] for sample in found.samples].count(0.5) == 1


def test_a_judges_answers_and_outcomes_stand_by_order(tmp_path: Path) -> None:
    found = export(tmp_path, pairs_run(tmp_path, "fake:hash,unparsed=0.3,errors=0.1", "pairwise"))
    lines = stored(found.run.folder, "verdicts.jsonl")
    for sample in found.samples:
        own = [one for one in lines if one["pair_id"] == sample["doc"]["pair_id"]]
        own.sort(key=lambda one: one["order"])
        assert sample["filtered_resps"] == [one["outcome"] for one in own]
        assert sample["resps"] == [[one["raw"]] for one in own]
        assert sample["target"] == "chosen"
    config = found.results["configs"][PAIRS]
    assert config["output_type"] == "generate_until"
    assert config["generation_kwargs"]["until"] == []


def test_what_a_run_does_not_know_is_null_or_absent(tmp_path: Path) -> None:
    found = export(tmp_path, pairs_run(tmp_path, "baseline:length"))
    assert all(one["prompt_hash"] is None and one["arguments"] == {} for one in found.samples)
    assert found.results["task_hashes"] == {} and found.results["versions"] == {}
    for key in ("lm_eval_version", "date", "pretty_env_info"):  # lm-eval did not run
        assert key not in found.results
    whole = found.results["results"][PAIRS]
    assert found.run.results["metrics"]["consistency"] is None
    assert "consistency,none" not in whole


@pytest.mark.parametrize("model", [None, "fake:first"])
def test_a_run_that_wrote_holds_its_texts_and_measures(model: str | None, tmp_path: Path) -> None:
    found = export(tmp_path, writing_run(tmp_path, model))
    whole, ours = found.results["results"]["coig_writer_zh"], found.run.results["metrics"]
    for name in ("ttr", "mattr50", "mtld", "chars", "words", "wrong_language"):
        values = [one[name] for one in found.samples if name in one["metrics"]]
        assert whole[f"{name},none"] == ours[name] == pytest.approx(sum(values) / len(values))
        assert whole[f"{name}_stderr,none"] == pytest.approx(mean_stderr(values))
    lines = stored(found.run.folder, "texts.jsonl")
    by_prompt = {one["prompt_id"]: one["text"] for one in lines}
    for sample in found.samples:
        assert sample["filtered_resps"] == [by_prompt[sample["doc"]["prompt_id"]]]
    assert len(found.samples) == 9
    if model is None:
        missing = [one for one in found.samples if one["filtered_resps"] == [None]]
        assert [one["metrics"] for one in missing] == [[]]
        assert found.results["task_hashes"] == {}, "nobody knows what those writers were asked"
    else:
        chat, how = found.samples[0]["arguments"]["gen_args_0"].values()
        assert json.loads(chat) == [{"role": "user", "content": prompts(9)[0]["prompt"]}]
        assert how == {"until": [], "max_gen_toks": 8192, "do_sample": True, "temperature": 0.8}


def test_hashes_are_those_lm_eval_computes(tmp_path: Path) -> None:
    found = export(tmp_path, writing_run(tmp_path, "fake:first"))
    parts = []
    for one in found.samples:
        doc = json.dumps(
            one["doc"], indent=2, default=utils.handle_non_serializable, ensure_ascii=False
        )
        prompt = one["arguments"]["gen_args_0"]["arg_0"]
        assert one["doc_hash"] == utils.hash_string(doc)
        assert one["prompt_hash"] == utils.hash_string(prompt)
        assert one["target_hash"] == utils.hash_string(one["target"])
        parts.append(one["doc_hash"] + one["prompt_hash"] + one["target_hash"])
    assert found.results["task_hashes"] == {"coig_writer_zh": utils.hash_string("".join(parts))}
