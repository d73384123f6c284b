"""Writing and arenas by the command line: a tiny model writes, is killed, goes on, and is judged."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fault_server import FaultServer, Reply, answer
from judged import Body, shown
from server_client import clear_environment
from written import jsonl, prompts, stored, texts

pytest.importorskip("torch", reason="needs the hf extra")

Harness = Callable[..., Any]


@pytest.fixture(scope="session")
def writer(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], Path]:
    """A tiny causal language model with a chat template, by the seed of its weights."""
    made: dict[int, Path] = {}

    def make(seed: int) -> Path:
        if seed not in made:
            import torch
            from tiny import CLASSES, byte_tokenizer, tiny_config, transformers

            folder = tmp_path_factory.mktemp("writer") / f"tiny-{seed}"
            torch.manual_seed(seed)
            kind = getattr(transformers, f"{CLASSES['qwen2']}ForCausalLM")
            kind._from_config(tiny_config("qwen2")).save_pretrained(folder)
            byte_tokenizer().save_pretrained(folder)
            made[seed] = folder
        return made[seed]

    return make


SAMPLED = ("--dtype", "float32", "--device", "cpu", "--gen_kwargs", "temperature=0.9,max_tokens=48")


def wrote(folder: Path) -> dict[tuple[str, int], str]:
    return {(t["prompt_id"], t["repeat"]): t["text"] for t in stored(folder, "texts.jsonl")}


def folder_of(out: Path, task: str = "demo_writing_zh") -> Path:
    [found] = [path.parent for path in (out / task).glob("*/manifest.json")]
    return found


def longer(body: Body) -> Reply:
    _, a, b = shown(body)
    return answer("[[A]]" if len(a) > len(b) else "[[B]]")


def test_a_killed_writer_goes_on_to_the_same_texts(
    writer: Callable[[int], Path], tmp_path: Path, harness: Harness
) -> None:
    command = ["run", "--tasks", "demo_writing_zh", "--model", str(writer(1)), *SAMPLED]
    whole = tmp_path / "whole"
    assert harness(*command, "--output_path", whole).code == 0
    broken = tmp_path / "broken"
    # one row at a time, so that there is a middle to be killed in
    slow = [*command, "--output_path", str(broken), "--batch_size", "1"]
    process = subprocess.Popen([sys.executable, "-m", "harness", *slow], stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        lines = [p for p in broken.glob("demo_writing_zh/*/texts.jsonl") if p.stat().st_size]
        if lines and lines[0].read_bytes().count(b"\n") >= 3:
            break
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    there = wrote(folder_of(broken))
    assert 3 <= len(there) < 32
    assert harness(*command, "--output_path", broken).code == 0
    assert wrote(folder_of(broken)) == wrote(folder_of(whole))
    assert (folder_of(broken) / "results.json").read_bytes() == (
        folder_of(whole) / "results.json"
    ).read_bytes()
    lines = stored(folder_of(broken), "texts.jsonl")
    assert len(lines) == 32 and len({line["prompt_id"] for line in lines}) == 32


def test_runs_meet_before_a_server_and_a_third_joins_without_old_calls(
    writer: Callable[[int], Path],
    tmp_path: Path,
    harness: Harness,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clear_environment(monkeypatch)
    out = tmp_path / "out"
    for seed in (1, 2, 3):
        said = harness(
            "run", "--tasks", "demo_writing_zh", "--model", writer(seed), *SAMPLED,
            "--limit", "6", "--output_path", out,
        )  # fmt: skip
        assert said.code == 0, said.err
    folders = sorted(path.parent for path in out.glob("demo_writing_zh/*/manifest.json"))
    with FaultServer(longer) as server:
        judge = ("--judge", "pairwise", "--model", "openai:m", "--output_path", out,
                 "--model_args", f"base_url={server.url},served_by=test")  # fmt: skip
        first = harness("arena", *folders[:2], *judge)
        assert first.code == 0, first.err
        equal = sum(wrote(folders[0])[key] == wrote(folders[1])[key] for key in wrote(folders[0]))
        before = sum(server.calls.values())
        assert before == 2 * (6 - equal)
        third = harness("arena", *folders, *judge)
        assert third.code == 0, third.err
        assert "not asked for again" in third.err
        assert sum(server.calls.values()) - before <= 2 * 2 * 6
        again = harness("arena", *folders, *judge)
        assert "nothing was asked" in again.out
    arenas = {
        len(results["runs"]): results
        for file in out.glob("arena/*/results.json")
        for results in [json.loads(file.read_text(encoding="utf-8"))]
    }
    assert set(arenas) == {2, 3}
    small, large = arenas[2], arenas[3]
    i, j = (large["runs"].index(name) for name in small["runs"])
    assert large["wins"][i][j] == small["wins"][0][1]
    assert large["n"][i][j] == 6


def test_people_rank_and_the_matrix_is_printed(tmp_path: Path, harness: Harness) -> None:
    def ranking(number: int, order: list[str]) -> dict[str, Any]:
        return {
            "sequence_number": number,
            "question_id": f"q{number}",
            "prompt": f"请写一写第{number}个雨夜的故事。",
            "ranked_responses": [
                {"rank": place, "source_file": name, "my_response": f"{name}的回答"}
                for place, name in enumerate(order, 1)
            ],
        }

    people = {"李": ["a", "b", "c"], "王": ["a", "c", "b"]}
    files = []
    for person, order in people.items():
        file = tmp_path / f"{person}.json"
        rows = [ranking(number, order) for number in range(12)]
        file.write_text(json.dumps(rows, ensure_ascii=False), encoding="utf-8")
        files += ["--human", file]
    said = harness("arena", *files, "--output_path", tmp_path / "out")
    assert said.code == 0, said.err
    [file] = (tmp_path / "out").glob("arena/*/results.json")
    results = json.loads(file.read_text(encoding="utf-8"))
    assert results["runs"] == ["a", "b", "c"]
    # the unit is a prompt and an annotator
    assert results["n"][0][1] == 24 and results["win_rate"][0][1] == 1.0
    assert results["win_rate"][1][2] == 0.5
    assert results["annotators"]["tau"] == pytest.approx(1 / 3)
    assert harness("report", file.parent).code == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "name runs to judge"),
        (("nowhere", "--model", "baseline:length"), "no such run folder"),
        (("--human", "x.json", "--model", "m"), "--model"),
        (("--human", "nowhere.json"), "nowhere.json"),
    ],
)
def test_wrong_use_of_the_arena_is_one_message(
    arguments: tuple[str, ...], said: str, harness: Harness, tmp_path: Path
) -> None:
    (tmp_path / "x.json").write_text("[]", encoding="utf-8")
    found = harness("arena", *arguments)
    assert found.code == 2
    assert said in found.err and "Traceback" not in found.err


def test_an_arena_without_a_judge_says_which_flag(harness: Harness, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    assert "--model" in harness("arena", "run").err


def test_texts_are_measured_and_measured_again_by_other_words(
    harness: Harness, tmp_path: Path
) -> None:
    pytest.importorskip("rjieba", reason="needs the fast extra")
    file = jsonl(tmp_path / "texts.jsonl", texts(["甲"], 4))
    data = jsonl(tmp_path / "prompts.jsonl", prompts(4))
    command = ("run", "--tasks", "coig_writer_zh", "--data", f"coig_writer_zh={data}",
               "--model", f"texts:{file}", "--output_path", "out")  # fmt: skip
    assert harness(*command).code == 0
    run = folder_of(tmp_path / "out", "coig_writer_zh")
    assert "the same numbers" in harness("rescore", run).out
    other = harness("rescore", run, "--tokenizer", "rjieba")
    assert other.code == 0, other.err
    again = harness(*command, "--tokenizer", "rjieba")
    assert "finished before, reused" in again.out, "the folder that a run with it finds"


def test_a_dry_run_of_a_writer_counts_what_it_would_cost(
    harness: Harness, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clear_environment(monkeypatch)
    prices = tmp_path / "prices.yaml"
    prices.write_text("kind: prices\nmodels: {m: {input: 1, output: 2}}\n", encoding="utf-8")
    said = harness(
        "run", "--tasks", "demo_writing_en", "--model", "openai:m", "--model_args",
        "base_url=http://127.0.0.1:9/v1", "--dry_run", "--price_file", prices,
    )  # fmt: skip
    assert said.code == 0, said.err
    assert "32 prompts, 32 texts" in said.out and "at most USD" in said.out
