"""A model in parts or in several copies: other processes, the same answers and scores."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.models.vllm.engine import vllm_is_there

if not vllm_is_there():
    pytest.skip("needs vLLM in an environment of its own: make test-vllm", allow_module_level=True)
if len(os.sched_getaffinity(0)) < 2:
    pytest.skip("needs a core for each of two engines", allow_module_level=True)

pytestmark = pytest.mark.vllm
ONE = "enforce_eager=true,gpu_memory_utilization=0.2,max_model_len=1024"
PATIENCE = 600  # seconds: every process reads some hundred modules
PAIRS = 16


def command(model: str, model_args: str, output: Path, *more: str) -> list[str]:
    return [
        *(sys.executable, "-m", "harness", "run", "--tasks", "demo_en", "--limit", str(PAIRS)),
        *("--model", model, "--model_args", model_args, "--output_path", str(output), *more),
    ]


def run(*arguments: Any) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """results.json of a run, and its verdicts in the order of their keys."""
    done = subprocess.run(command(*arguments), capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 0, done.stderr[-3000:]
    (folder,) = arguments[2].glob("demo_en/*")
    text = (folder / "verdicts.jsonl").read_text("utf-8")
    lines = [json.loads(line) for line in text.splitlines()]
    lines.sort(key=lambda line: (line["pair_id"], line["order"] or ""))
    return json.loads((folder / "results.json").read_text("utf-8")), lines


@pytest.fixture(scope="module")
def judged(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What one engine in one process says."""
    output = tmp_path_factory.mktemp("one")
    return run(f"vllm:{folder}", ONE, output, "--gen_kwargs", "max_tokens=24")


@pytest.mark.parametrize("kind", ["tensor", "data"])
def test_a_judge_in_two_processes_answers_as_in_one(
    kind: str, judged: Any, folder: Path, tmp_path: Path
) -> None:
    args = f"{ONE},{kind}_parallel_size=2"
    results, lines = run(f"vllm:{folder}", args, tmp_path, "--gen_kwargs", "max_tokens=24")
    assert results == judged[0]
    assert [line["raw"] for line in lines] == [line["raw"] for line in judged[1]]


@pytest.fixture(scope="module")
def reward(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tiny import byte_tokenizer, tiny_model

    path = tmp_path_factory.mktemp("reward") / "tiny"
    tiny_model("qwen2", hidden_size=128).save_pretrained(path)
    byte_tokenizer().save_pretrained(path)
    return path


def members(group: int) -> Iterator[str]:
    """Living processes of a group, by name."""
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            name, _, rest = entry.read_text().partition("(")[2].rpartition(")")
        except OSError:
            continue
        state, _, of = rest.split()[:3]
        if int(of) == group and state not in "ZX":
            yield name


def test_copies_of_a_reward_model_score_as_transformers_and_end_with_a_killed_run(
    reward: Path, tmp_path: Path
) -> None:
    args = f"{ONE},data_parallel_size=2"
    ours = command(f"vllm:{reward}", args, tmp_path / "two", "--batch_size", "2")
    doomed = subprocess.Popen(
        ours, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    scores: list[Path] = []
    for _ in range(PATIENCE * 50):
        scores = list((tmp_path / "two").glob("demo_en/*/scores.jsonl"))
        if (scores and scores[0].stat().st_size) or doomed.poll() is not None:
            break
        time.sleep(0.02)
    assert scores and len(list(members(doomed.pid))) > 3
    doomed.kill()
    doomed.wait(60)
    for _ in range(200):
        if not list(members(doomed.pid)):
            break
        time.sleep(0.1)
    assert not list(members(doomed.pid))  # nothing of it keeps a GPU
    results, lines = run(*(f"vllm:{reward}", args, tmp_path / "two", "--batch_size", "2"))
    expected, others = run(f"hf:{reward}", "name=tiny", tmp_path / "hf")
    assert results["model"].pop("backend") == "vllm" and expected["model"].pop("backend") == "hf"
    assert results == expected
    for line, other in zip(lines, others, strict=True):
        assert line["margin"] == pytest.approx(other["margin"], abs=1e-3)
