"""`lm_eval run` itself over our folder, as a user types it, offline."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from lm_eval_runs import TASKS, our_run, save_model
from rows import rows, write_rows
from tiny import byte_tokenizer
from written import jsonl

from harness.lm_eval_tasks.prompts import METRICS
from harness.request import RunRequest
from harness.runner import run


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a tiny model, pairs, and what lm_eval wrote of both tasks under `theirs`."""
    folder = tmp_path_factory.mktemp("lm_eval")
    model = save_model(folder / "model", byte_tokenizer(bos=False))
    data = write_rows(folder / "pairs.json", rows(12, words=10))
    harness = [sys.executable, "-m", "harness", "lm-eval-tasks"]
    told = subprocess.run(harness, capture_output=True, text=True, check=True).stdout
    assert told == f"{TASKS}\n", "nothing else may stand in $(harness lm-eval-tasks)"
    command = [
        sys.executable, "-m", "lm_eval", "run", "--include_path", told.strip(),
        "--tasks", "harness_wpb_zh,harness_demo_writing_en", "--model", "hf",
        "--model_args", f"pretrained={model},dtype=float32", "--device", "cpu",
        "--batch_size", "8", "--output_path", str(folder / "theirs"), "--log_samples",
        "--metadata", json.dumps({"data": {"harness_wpb_zh": str(data)}}),
        "--gen_kwargs", "max_gen_toks=24", "--limit", "12",
    ]  # fmt: skip
    done = subprocess.run(
        command,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=600,
        env={**os.environ, "HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1"},
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert "|harness_wpb_zh " in done.stdout and "- Poetry" in done.stdout
    return folder


def results(work: Path) -> dict[str, dict[str, float]]:
    [file] = (work / "theirs").rglob("results_*.json")
    return dict(json.loads(file.read_text("utf-8"))["results"])


def test_the_pairs_have_our_accuracy(work: Path) -> None:
    ours = our_run(work / "model", work / "ours", "wpb_zh", data=work / "pairs.json").results
    group = results(work)["harness_wpb_zh"]
    assert group["sample_len"] == 12
    assert group["acc,none"] == pytest.approx(ours["metrics"]["accuracy"], abs=1e-12)


def test_the_texts_have_the_measures_that_our_own_run_over_them_has(work: Path) -> None:
    [file] = (work / "theirs").rglob("samples_harness_demo_writing_en_*.jsonl")
    rows = [json.loads(line) for line in file.read_text("utf-8").split("\n")[:-1]]
    texts = [
        {"prompt_id": row["doc"]["prompt_id"], "model": "m", "response": row["filtered_resps"][0]}
        for row in rows
    ]
    asked = [{key: row["doc"][key] for key in ("prompt_id", "prompt", "tag")} for row in rows]
    [ours] = run(
        RunRequest(
            tasks=("demo_writing_en",),
            model=f"texts:{jsonl(work / 'texts.jsonl', texts)}",
            data={"demo_writing_en": jsonl(work / "prompts.jsonl", asked)},
            output_path=work / "ours",
        )
    )
    theirs, metrics = results(work)["harness_demo_writing_en"], ours.results["metrics"]
    counts = {"empty_share": "empty", "refusal_share": "refusals"}
    for name in METRICS:
        own = metrics[counts[name]] / 12 if name in counts else metrics[name]
        assert theirs.get(f"{name},none") == (None if own is None else pytest.approx(own)), name
    assert theirs["chars,none"] > 0
