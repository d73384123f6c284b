"""Which reward models vLLM may score: everything else is refused by its files, with a way out."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason="needs the hf extra")
pytest.importorskip("transformers", reason="needs the hf extra")

import torch
from safetensors.torch import load_file, save_file
from tiny import byte_tokenizer, tiny_model

from harness.errors import ModelError, UsageError
from harness.models.base import ModelRef, ModelSettings
from harness.models.checkpoint import open_checkpoint
from harness.models.vllm.known import TASKS, check_backbone, check_head, task_of
from harness.models.vllm.model import open_vllm
from harness.models.vllm.reward import open_vllm_reward
from harness.spec_files import load_named
from harness.specs import RewardRecipe

PLAIN = load_named("judges", "sequence_classifier", RewardRecipe, "recipe", ())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    tiny_model("qwen2").save_pretrained(tmp_path)
    byte_tokenizer().save_pretrained(tmp_path)
    return tmp_path


def change(folder: Path, **config: Any) -> Path:
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **config}))
    return folder


def change_tensors(folder: Path, change: Callable[[dict[str, Any]], dict[str, Any]]) -> Path:
    path = folder / "model.safetensors"
    save_file(change(load_file(path)), path, metadata={"format": "pt"})
    return folder


@pytest.mark.parametrize("name", sorted(TASKS))
def test_a_known_architecture_with_a_plain_head_is_taken(name: str, folder: Path) -> None:
    checkpoint = open_checkpoint(str(change(folder, architectures=[name])))
    assert task_of(checkpoint, PLAIN) == TASKS[name]


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        ({"architectures": ["INFORMForSequenceClassification"]}, "INFORMForSequenceClassification"),
        ({"architectures": []}, "nameless model"),
        ({"rope_parameters": {"rope_type": "dynamic", "factor": 2.0}}, "rotary positions"),
        ({"rope_scaling": {"type": "su", "long_factor": [1.0]}}, "rotary positions"),
        ({"is_causal": False}, "looks both ways"),
        ({"quantization_config": {"quant_method": "gptq"}}, "quantized"),
        ({"method": "from_2_way_softmax"}, "another head"),
    ],
)
def test_what_vllm_would_compute_otherwise_is_refused_with_the_way_out(
    config: dict[str, Any], reason: str, folder: Path
) -> None:
    checkpoint = open_checkpoint(str(change(folder, **config)))
    with pytest.raises(ModelError, match=reason) as caught:
        task_of(checkpoint, PLAIN)
    assert f"--model hf:{folder}" in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("head", "reason"),
    [
        ({"read": "method", "name": "get_score"}, "the model's own code"),
        ({"read": "forward"}, "the model's own code"),
        ({"weights": "regression_head"}, "regression_head"),
    ],
)
def test_a_recipe_whose_head_vllm_does_not_have_is_refused(
    head: dict[str, Any], reason: str, folder: Path
) -> None:
    recipe = RewardRecipe.model_validate({"kind": "reward", "name": "x", "head": head})
    with pytest.raises(ModelError, match=reason):
        task_of(open_checkpoint(str(folder)), recipe)


def test_a_sentence_transformers_folder_is_refused(folder: Path) -> None:
    (folder / "modules.json").write_text("[]")
    with pytest.raises(ModelError, match="sentence-transformers"):
        task_of(open_checkpoint(str(folder)), PLAIN)


def test_a_checkpoint_that_lacks_a_tensor_is_refused_by_its_name(folder: Path) -> None:
    lost = "model.layers.1.mlp.down_proj.weight"
    check_backbone(open_checkpoint(str(folder)))
    change_tensors(folder, lambda all_: {k: v for k, v in all_.items() if k != lost})
    with pytest.raises(ModelError, match=r"lacks 1 tensors \(layers.1.mlp.down_proj.weight"):
        check_backbone(open_checkpoint(str(folder)))


def test_weights_saved_as_bin_are_looked_at_as_well(folder: Path) -> None:
    tensors = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    torch.save(tensors, folder / "pytorch_model.bin")
    check_backbone(open_checkpoint(str(folder)))
    del tensors["model.norm.weight"]
    torch.save(tensors, folder / "pytorch_model.bin")
    with pytest.raises(ModelError, match=r"norm\.weight"):
        check_backbone(open_checkpoint(str(folder)))


def test_weights_that_were_cut_off_are_refused(folder: Path) -> None:
    whole = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(whole[:-100])
    with pytest.raises(ModelError, match="damaged or cut off"):
        check_backbone(open_checkpoint(str(folder)))


def test_a_checkpoint_without_a_head_is_refused(folder: Path) -> None:
    change_tensors(folder, lambda all_: {k: v for k, v in all_.items() if "score" not in k})
    with pytest.raises(ModelError, match="no reward head"):
        check_head(open_checkpoint(str(folder)), PLAIN, "classify")


def test_a_head_of_two_layers_is_refused_where_vllm_builds_one(folder: Path) -> None:
    def two(tensors: dict[str, Any]) -> dict[str, Any]:
        score = tensors.pop("score.weight")
        return {**tensors, "score.0.weight": torch.eye(score.shape[1]), "score.2.weight": score}

    change_tensors(folder, two)
    checkpoint = open_checkpoint(str(folder))
    for task in ("classify", "token_classify"):  # the second, because vLLM's has biases
        with pytest.raises(ModelError, match="not the one that vLLM builds"):
            check_head(checkpoint, PLAIN, task)


def test_a_lora_adapter_is_refused_with_the_way_out(folder: Path) -> None:
    with pytest.raises(UsageError, match="merge the adapter"):
        open_vllm(ModelRef("vllm", str(folder), {"peft": "x"}), ModelSettings())


def test_quantizing_a_reward_model_is_refused(folder: Path) -> None:
    checkpoint = open_checkpoint(str(folder))
    with pytest.raises(UsageError, match="quantization: not for reward models"):
        open_vllm_reward(checkpoint, ModelSettings(), {}, {"quantization": "fp8"})


def test_a_batch_is_many_steps_of_the_engine_and_copies_get_as_much_each(folder: Path) -> None:
    def tokens(**engine: Any) -> int:
        settings = ModelSettings(device="cpu")
        model = open_vllm_reward(open_checkpoint(str(folder)), settings, {}, engine)
        return model.budget(max_tokens=None, max_texts=None).max_tokens

    assert tokens() == 16 * 2048
    assert tokens(max_num_batched_tokens=512) == 16 * 512
    assert tokens(max_num_batched_tokens=512, data_parallel_size=4) == 4 * 16 * 512
