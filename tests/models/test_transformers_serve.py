"""A real OpenAI-compatible server: `transformers serve` with a tiny model on loopback."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi", reason='needs pip install "transformers[serving]"')
pytest.importorskip("uvicorn", reason='needs pip install "transformers[serving]"')
torch = pytest.importorskip("torch", reason="needs the hf extra")
transformers = pytest.importorskip("transformers", reason="needs the hf extra")

from harness.models.base import ChatRequest, Completion, ModelRef, ModelSettings  # noqa: E402
from harness.models.server.model import Server, open_server  # noqa: E402
from harness.records import Message  # noqa: E402
from harness.specs import Sampling  # noqa: E402

SERVE = "from transformers.cli.transformers import main; main()"
TEXTS = ("Which text is better?", "雨下得像旧信，一封一封。", "{braces} 100 % 😀", "a", "b", "c")
LIMIT = 12


@pytest.fixture(scope="module")
def folder(checkpoint: Callable[..., Path]) -> Path:
    # not qwen2: the server reads the answers of that type by Qwen's own chat template
    return checkpoint("llama", "ForCausalLM")


@pytest.fixture(scope="module")
def url(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server that is up."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        *(sys.executable, "-c", SERVE, "serve", str(folder), "--host", "127.0.0.1"),
        *("--port", str(port), "--device", "cpu", "--dtype", "float32"),
    ]
    log = tmp_path_factory.mktemp("serve") / "log"
    home = str(tmp_path_factory.mktemp("hub"))
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": home}
    with log.open("w") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out, env=environment)
    try:
        _wait_until_up(f"http://127.0.0.1:{port}/health", process, log)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        process.terminate()
        process.wait(30)


def _wait_until_up(health: str, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(240):
        assert process.poll() is None, log.read_text()
        try:
            with urllib.request.urlopen(health, timeout=5):
                return
        except (urllib.error.URLError, TimeoutError):
            time.sleep(0.25)
    raise AssertionError(log.read_text())


def ask(
    url: str, folder: Path, sampling: Sampling
) -> tuple[dict[str, Completion], Server, list[str]]:
    found: dict[str, Completion] = {}
    said: list[str] = []
    model = open_server(
        ModelRef("openai", str(folder), {"base_url": url}), ModelSettings(num_concurrent=3)
    )
    model.answer(
        [ChatRequest(text, (Message("user", text),), 1) for text in TEXTS],
        sampling,
        lambda request, completion: found.update({request.key: completion}),
        said.append,
    )
    return found, model, said


def greedy(folder: Path, text: str) -> tuple[list[int], int, Any]:
    """What plain transformers writes: new ids, length of the prompt, the tokenizer."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    prompt = tokenizer.apply_chat_template(
        [{"role": "user", "content": text}],
        add_generation_prompt=True,
        return_tensors="pt",
        return_dict=True,
    )
    with torch.no_grad():
        ids = model.generate(**prompt, max_new_tokens=LIMIT, do_sample=False)
    length = prompt["input_ids"].shape[1]
    return ids[0, length:].tolist(), length, tokenizer


def test_greedy_answers_and_counts_are_those_of_plain_transformers(url: str, folder: Path) -> None:
    found, model, said = ask(url, folder, Sampling(max_tokens=LIMIT))
    assert said == []
    for text in TEXTS:
        ids, length, tokenizer = greedy(folder, text)
        assert found[text].text == tokenizer.decode(ids, skip_special_tokens=True)
        assert (found[text].tokens_in, found[text].tokens_out) == (length, len(ids))
        assert found[text].finish_reason == ("length" if len(ids) == LIMIT else "stop")
        assert found[text].error is None
    assert (model.facts()["calls"], model.facts()["retries"]) == (len(TEXTS), {})


def test_a_parameter_it_refuses_is_dropped_and_the_answers_come(url: str, folder: Path) -> None:
    sampling = Sampling(max_tokens=4, top_k=5, top_p=0.9, stop=("###",), thinking=False)
    found, model, said = ask(url, folder, sampling)
    assert all(completion.error is None for completion in found.values())
    assert model.facts()["dropped_parameters"] == ["top_k"]
    assert said == ["the server refuses top_k: the run goes on without it"]
    assert model.facts()["retries"] == {}
