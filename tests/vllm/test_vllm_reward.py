"""Reward models by vLLM: the scores of transformers, whatever else is in the queue."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.models.vllm.engine import vllm_is_there

if not vllm_is_there():
    pytest.skip("needs vLLM in an environment of its own: make test-vllm", allow_module_level=True)

import torch
import transformers
from tiny import byte_tokenizer, plain_score, tiny_config, tiny_model

from harness.errors import ModelError, TextsTooLong
from harness.models import ModelSettings, open_model
from harness.models.base import Encoded
from harness.models.vllm.known import TASKS
from harness.records import Candidate, short_id

pytestmark = pytest.mark.vllm
LITTLE = "enforce_eager=true,gpu_memory_utilization=0.2,max_num_batched_tokens=256"
PROMPT = "写一段雨 / write about rain"
TEXTS = [
    "雨",
    "the rain kept its appointment. " * 9,
    "雨下得像旧信，一封一封。" * 5,
    "a",
    "rain " * 400,  # more than one step of the engine takes
]
SETTINGS = ModelSettings(device="cpu")
# vLLM wants heads of 32 numbers
FAMILIES: dict[str, dict[str, Any]] = {
    "qwen2": {},
    "qwen2_windowed": {},
    "qwen3": {"head_dim": 32},
    "llama": {"rope_parameters": {"rope_type": "linear", "rope_theta": 1e4, "factor": 4.0}},
    "mistral": {"head_dim": 32},
    "gemma2": {"head_dim": 32, "query_pre_attn_scalar": 32},
}


def gemma() -> Any:
    """Not one of the families that the other engine packs."""
    torch.manual_seed(7)
    shape = tiny_config("qwen3", hidden_size=128, head_dim=32).to_dict()
    names = ("vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers", "head_dim")
    more = ("num_attention_heads", "num_key_value_heads", "max_position_embeddings")
    kept = {name: shape[name] for name in (*names, *more)}
    config = transformers.GemmaConfig(**kept, initializer_range=0.3, num_labels=1, pad_token_id=0)
    return transformers.GemmaForSequenceClassification(config).eval()


def reward_model() -> Any:
    """A Qwen2 with a head of two layers, as WorldPM and Qwen2.5-Math-RM have it."""
    model = tiny_model("qwen2", hidden_size=128)
    layers = [torch.nn.Linear(128, 128), torch.nn.ReLU(), torch.nn.Linear(128, 1)]
    model.score = torch.nn.Sequential(*layers)
    return model


@pytest.fixture(scope="session")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """A checkpoint with its tokenizer, its config.json changed where asked."""

    def save(model: Any, **config: Any) -> Path:
        folder = tmp_path_factory.mktemp("reward") / "tiny"
        model.save_pretrained(folder)
        byte_tokenizer().save_pretrained(folder)
        path = folder / "config.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), **config}))
        return folder

    return save


@pytest.fixture(scope="session")
def plain(saved: Callable[..., Path]) -> Path:
    return saved(tiny_model("qwen2", hidden_size=128, max_position_embeddings=4096))


@pytest.fixture
def opened() -> Iterator[Callable[..., Any]]:
    """Opens models and ends their engines."""
    models: list[Any] = []

    def open_(model: str, model_args: str = LITTLE, **settings: Any) -> Any:
        models.append(open_model(model, model_args, ModelSettings(device="cpu", **settings)))
        return models[-1]

    yield open_
    for model in models:
        if model.backend == "vllm" and model._parts._loaded:
            model._parts[0].engine_core.shutdown()


def candidates(texts: list[str] = TEXTS) -> list[Candidate]:
    return [Candidate(short_id("zh", PROMPT, text), "zh", PROMPT, text) for text in texts]


def check(found: list[float], expected: list[float]) -> None:
    """Within a thousandth, in float32; and apart enough that this says something."""
    assert max(expected) - min(expected) > 0.05
    assert found == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize("family", FAMILIES)
def test_scores_are_those_of_plain_transformers(
    family: str, saved: Callable[..., Path], opened: Callable[..., Any]
) -> None:
    network = tiny_model(family, hidden_size=128, **FAMILIES[family])
    model = opened(f"vllm:{saved(network)}")
    expected = [plain_score(network, byte_tokenizer(), PROMPT, text) for text in TEXTS]
    encoded = model.encode(candidates())
    check(model.score(encoded), expected)
    order = random.Random(3).sample(range(len(TEXTS)), len(TEXTS))
    assert model.score([encoded[i] for i in order]) == pytest.approx(
        [expected[i] for i in order], abs=1e-3
    )
    assert [model.score([item])[0] for item in encoded] == pytest.approx(expected, abs=1e-3)


def test_gemma_of_the_first_kind_scores_as_in_transformers(
    saved: Callable[..., Path], opened: Callable[..., Any]
) -> None:
    network = gemma()
    model = opened(f"vllm:{saved(network)}")
    expected = [plain_score(network, byte_tokenizer(), PROMPT, text) for text in TEXTS]
    check(model.score(model.encode(candidates())), expected)


def test_a_head_of_two_layers_scores_as_by_the_other_road(
    saved: Callable[..., Path], opened: Callable[..., Any]
) -> None:
    folder = saved(reward_model(), architectures=["Qwen2ForRewardModel"])
    found, expected = (
        model.score(model.encode(candidates()))
        for model in (
            opened(f"vllm:{folder}", judge="qwen25_math_rm"),
            opened(f"hf:{folder}", "", judge="qwen25_math_rm"),
        )
    )
    check(found, expected)


def test_every_architecture_that_is_let_through_is_compared_here() -> None:
    names = {tiny_model(family).__class__.__name__ for family in FAMILIES}
    assert names | {"GemmaForSequenceClassification", "Qwen2ForRewardModel"} == set(TASKS)


def test_the_output_that_the_recipe_names_is_the_score_with_its_bias(
    saved: Callable[..., Path], opened: Callable[..., Any], tmp_path: Path
) -> None:
    network = tiny_model("llama", hidden_size=128, num_labels=3)
    network.score = torch.nn.Linear(128, 3)
    recipe = tmp_path / "three.yaml"
    recipe.write_text("kind: reward\nname: three\nhead: {outputs: 3, index: 2}\n")
    folder = saved(network)
    found, expected = (
        model.score(model.encode(candidates()))
        for model in (
            opened(f"vllm:{folder}", judge=str(recipe)),
            opened(f"hf:{folder}", "", judge=str(recipe)),
        )
    )
    check(found, expected)


def test_token_ids_and_truncation_are_those_of_the_other_road(
    plain: Path, opened: Callable[..., Any]
) -> None:
    for truncate in ("left", "right"):
        model, other = (
            opened(f"{road}:{plain}", args, max_length=40, truncate=truncate)
            for road, args in (("vllm", LITTLE), ("hf", ""))
        )
        mine, theirs = model.encode(candidates()), other.encode(candidates())
        assert [item.ids[0].tolist() for item in mine] == [item.ids[0].tolist() for item in theirs]
        assert [item.truncated for item in mine] == [item.truncated for item in theirs]
        assert max(item.n_tokens for item in mine if item.truncated) == 40
        check(model.score(mine), other.score(theirs))  # one is as long as the engine allows


def test_a_text_that_is_too_long_is_refused_before_the_engine_starts(
    plain: Path, opened: Callable[..., Any]
) -> None:
    model = opened(f"vllm:{plain}", f"{LITTLE},max_model_len=64")
    with pytest.raises(TextsTooLong, match="longer than the model's 64 tokens"):
        model.encode(candidates())
    assert not model._parts._loaded


def test_a_text_that_ends_with_the_pad_token_is_read_there(
    plain: Path, opened: Callable[..., Any]
) -> None:
    model, other = opened(f"vllm:{plain}"), opened(f"hf:{plain}", "")
    encoded = model.encode(candidates())
    for item in encoded:
        item.ids[0][-1] = 0
    check(model.score(encoded), other.score(encoded))


def test_a_refused_text_leaves_nothing_in_the_queue(
    plain: Path, opened: Callable[..., Any]
) -> None:
    model = opened(f"vllm:{plain}")
    good = model.encode(candidates())
    before = model.score(good)
    bad = Encoded(candidates()[0], (np.full(5000, 7, dtype=np.int32),))  # never asked by encode
    with pytest.raises(ModelError, match="vLLM refuses a text"):
        model.score([*good, bad])
    assert model._parts[0].get_num_unfinished_requests() == 0
    assert model.score(good) == before


# -- whole runs ------------------------------------------------------------------------------


def command(model: str, output: Path, *more: str) -> list[str]:
    return [
        *(sys.executable, "-m", "harness", "run", "--tasks", "demo_zh", "--device", "cpu"),
        *("--model", model, "--output_path", str(output), *more),
    ]


def run(model: str, output: Path, *more: str) -> Path:
    """A finished run's folder."""
    done = subprocess.run(command(model, output, *more), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    (folder,) = output.glob("demo_zh/*")
    return folder


def lines(output: Path, name: str) -> list[dict[str, Any]]:
    """The whole lines of a run's file."""
    files = list(output.glob(f"demo_zh/*/{name}"))
    text = files[0].read_text("utf-8") if files else ""
    return [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]


def test_a_killed_run_goes_on_and_its_results_are_those_of_the_other_road(
    plain: Path, tmp_path: Path
) -> None:
    model, args = f"vllm:{plain}", ("--model_args", LITTLE, "--batch_size", "4")
    doomed = subprocess.Popen(
        command(model, tmp_path / "vllm", *args), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    while doomed.poll() is None and len(lines(tmp_path / "vllm", "scores.jsonl")) < 8:
        time.sleep(0.005)
    doomed.kill()
    doomed.communicate(timeout=60)
    before = lines(tmp_path / "vllm", "scores.jsonl")
    assert 8 <= len(before) < 128
    ours = run(model, tmp_path / "vllm", *args)
    theirs = run(f"hf:{plain}", tmp_path / "hf")
    after = lines(tmp_path / "vllm", "scores.jsonl")
    assert after[: len(before)] == before
    assert len(after) == len({line["id"] for line in after}) == 128
    other = {line["id"]: line for line in lines(tmp_path / "hf", "scores.jsonl")}
    for line in after:
        assert line["score"] == pytest.approx(other[line["id"]]["score"], abs=1e-3)
        assert line["n_tokens"] == other[line["id"]]["n_tokens"]
    mine, its = (
        json.loads((folder / "results.json").read_text("utf-8")) for folder in (ours, theirs)
    )
    assert mine["model"].pop("backend") == "vllm" and its["model"].pop("backend") == "hf"
    assert mine == its


def test_an_engine_that_cannot_start_is_one_message(plain: Path, tmp_path: Path) -> None:
    more = ("--model_args", f"{LITTLE},distributed_executor_backend=nonsense")
    done = subprocess.run(command(f"vllm:{plain}", tmp_path, *more), capture_output=True, text=True)
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert "vLLM cannot run it" in done.stderr
