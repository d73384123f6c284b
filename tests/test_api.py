"""harness.evaluate leaves a training loop as it found it and says what harness run says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="needs the hf extra")

from tiny import byte_tokenizer, tiny_model  # noqa: E402

import harness  # noqa: E402
from harness.errors import HarnessError  # noqa: E402
from harness.models.base import ModelSettings  # noqa: E402
from harness.request import RunRequest  # noqa: E402
from harness.runner import run  # noqa: E402


def numbers(results: dict[str, Any]) -> str:
    return json.dumps({key: results[key] for key in ("metrics", "genres", "tags")}, sort_keys=True)


def test_it_gives_the_numbers_of_the_command_line(tmp_path: Path) -> None:
    model, tokenizer = tiny_model("qwen2"), byte_tokenizer()
    model.save_pretrained(tmp_path / "m")
    tokenizer.save_pretrained(tmp_path / "m")
    settings = ModelSettings(device="cpu")
    [ran] = run(
        RunRequest(
            tasks=("demo_zh",), model=str(tmp_path / "m"), settings=settings, output_path=tmp_path
        )
    )
    assert numbers(harness.evaluate(model, tokenizer, "demo_zh")) == numbers(ran.results)


def test_the_model_comes_back_as_it_was() -> None:
    model, tokenizer = tiny_model("llama"), byte_tokenizer()
    model.train()
    model.model.layers[0].eval()  # a frozen part of a training loop
    before = [module.training for module in model.modules()]
    attention = model.config._attn_implementation
    harness.evaluate(model, tokenizer, "demo_en", limit=4)
    assert [module.training for module in model.modules()] == before
    assert model.config._attn_implementation == attention
    assert all(
        parameter.grad is None and parameter.requires_grad for parameter in model.parameters()
    )
    loss = model(torch.tensor([[5, 6, 7]])).logits.sum()
    loss.backward()  # no inference tensor was left behind


def test_a_model_wrapped_by_peft_is_scored_with_its_adapter_and_head() -> None:
    peft = pytest.importorskip("peft")
    base, tokenizer = tiny_model("qwen2"), byte_tokenizer()
    plain = harness.evaluate(base, tokenizer, "demo_zh")
    config = peft.LoraConfig(
        task_type="SEQ_CLS", r=4, target_modules=["q_proj", "v_proj"], init_lora_weights=False
    )
    wrapped = peft.get_peft_model(base, config)
    with torch.no_grad():
        wrapped.get_base_model().score.modules_to_save["default"].weight.mul_(-1.0)
    adapted = harness.evaluate(wrapped, tokenizer, "demo_zh")
    assert numbers(adapted) != numbers(plain)
    merged = wrapped.merge_and_unload()
    assert numbers(harness.evaluate(merged, tokenizer, "demo_zh")) == numbers(adapted)


def test_a_causal_lm_is_refused() -> None:
    with pytest.raises(HarnessError, match="no reward head"):
        harness.evaluate(tiny_model("qwen2", "ForCausalLM"), byte_tokenizer(), "demo_zh")
