"""A real OpenAI-compatible server, vLLM's, and the same judge in this process: runs by command."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.models.vllm.engine import vllm_is_there

if not vllm_is_there():
    pytest.skip("needs vLLM in an environment of its own: make test-vllm", allow_module_level=True)

pytestmark = pytest.mark.vllm
PAIRS = 16
PATIENCE = 240  # seconds for a start, which reads some hundred modules


@pytest.fixture(scope="module")
def address(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where vLLM serves the tiny model."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = tmp_path_factory.mktemp("server") / "log.txt"
    command = [
        *(sys.executable, "-m", "vllm.entrypoints.openai.api_server"),
        *("--model", str(folder), "--served-model-name", "tiny"),
        *("--host", "127.0.0.1", "--port", str(port), "--dtype", "float32", "--enforce-eager"),
        *("--gpu-memory-utilization", "0.2", "--generation-config", "vllm"),
    ]
    with log.open("wb") as out:
        server = subprocess.Popen(command, stdout=out, stderr=out, start_new_session=True)
    try:
        for _ in range(PATIENCE):
            assert server.poll() is None, log.read_text()[-3000:]
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5).close()
                break
            except OSError:
                time.sleep(1)
        yield f"http://127.0.0.1:{port}"
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(60)


def command(model: str, model_args: str, output: Path) -> list[str]:
    return [
        *(sys.executable, "-m", "harness", "run", "--tasks", "demo_en", "--limit", str(PAIRS)),
        *("--model", model, "--model_args", model_args, "--gen_kwargs", "max_tokens=48"),
        *("--num_concurrent", "8", "--output_path", str(output)),
    ]


def run(model: str, model_args: str, output: Path) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(command(model, model_args, output), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    return done


def kill_midway(model: str, model_args: str, output: Path) -> int:
    """Run, and kill -9 as soon as some verdicts are written; how many lines there were."""
    doomed = subprocess.Popen(
        command(model, model_args, output),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    for _ in range(PATIENCE * 100):
        if len(lines(output)) > 2 or doomed.poll() is not None:
            break
        time.sleep(0.01)
    doomed.kill()
    doomed.wait(30)
    time.sleep(1)
    with pytest.raises(ProcessLookupError):  # nothing of it goes on by itself
        os.killpg(doomed.pid, 0)
    return len(lines(output))


def lines(output: Path) -> list[dict[str, Any]]:
    """The whole lines of a run's verdicts."""
    files = list(output.glob("demo_en/*/verdicts.jsonl"))
    text = files[0].read_text("utf-8") if files else ""
    return [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]


def answered(address: str) -> int:
    """How many requests the server has brought to an end."""
    with urllib.request.urlopen(f"{address}/metrics", timeout=30) as page:
        counters = [line for line in page.read().decode().splitlines() if line[:1] != "#"]
    wanted = [line for line in counters if line.startswith("vllm:request_success_total")]
    return round(sum(float(line.rsplit(" ", 1)[1]) for line in wanted))


def check_complete(found: list[dict[str, Any]]) -> None:
    keys = [(line["pair_id"], line["order"]) for line in found]
    assert len(keys) == len(set(keys)) == 2 * PAIRS
    assert {line["attempt"] for line in found} == {1}
    assert all(line["outcome"] != "error" and line["finish_reason"] for line in found)
    assert all(line["tokens_in"] > 0 and line["tokens_out"] > 0 for line in found)


@pytest.fixture(scope="module")
def served(address: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int]:
    """A run against the server, killed once, and the calls that the server answered for it."""
    output = tmp_path_factory.mktemp("served")
    before = answered(address)
    assert 2 < kill_midway("openai:tiny", f"base_url={address}/v1", output) < 2 * PAIRS
    run("openai:tiny", f"base_url={address}/v1", output)
    return output, answered(address) - before


def test_every_pair_is_judged_once_in_both_orders_though_the_run_was_killed(
    served: tuple[Path, int],
) -> None:
    output, calls = served
    check_complete(lines(output))
    assert 2 * PAIRS <= calls <= 2 * PAIRS + 8  # again only what was in flight


def test_a_finished_run_asks_the_server_nothing_more(
    served: tuple[Path, int], address: str
) -> None:
    before = answered(address)
    run("openai:tiny", f"base_url={address}/v1", served[0])
    assert answered(address) == before


def test_the_judge_in_this_process_is_killed_whole_goes_on_and_answers_as_the_server(
    served: tuple[Path, int], folder: Path, tmp_path: Path
) -> None:
    model, args = f"vllm:{folder}", "enforce_eager=true,gpu_memory_utilization=0.2"
    assert 2 < kill_midway(model, args, tmp_path) < 2 * PAIRS
    before = lines(tmp_path)
    done = run(model, args, tmp_path)
    found = lines(tmp_path)
    check_complete(found)
    assert found[: len(before)] == before
    assert "vllm" not in done.stdout.lower()  # its log is not our result
    theirs = {(line["pair_id"], line["order"]): line for line in lines(served[0])}
    for line in found:
        other = theirs[line["pair_id"], line["order"]]
        for key in ("finish_reason", "tokens_in", "tokens_out"):
            assert line[key] == other[key]
        assert line["raw"].rstrip("�") == other["raw"].rstrip("�")
