"""What a training costs, against sums by hand; parameters, against the networks themselves."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from harness.training.estimate import (
    KNOWN,
    Assumptions,
    about,
    gpu_hours,
    judging_hours,
    memory_gib,
    parameters_of,
    training_flops,
    writing_hours,
)

HALF = Assumptions(peak_tflops=100.0, mfu=0.5, decode_share=0.05)
SHAPE_7B = {
    "vocab_size": 152_064,
    "hidden_size": 3_584,
    "intermediate_size": 18_944,
    "num_hidden_layers": 28,
    "num_attention_heads": 28,
    "num_key_value_heads": 4,
    "tie_word_embeddings": False,
}


@pytest.mark.parametrize(
    ("checkpointing", "lora", "each"),
    [(False, False, 6), (True, False, 8), (False, True, 4), (True, True, 6)],
)
def test_operations_a_parameter_and_token_are_six_less_what_lora_saves_plus_a_second_forward(
    checkpointing: bool, lora: bool, each: int
) -> None:
    found = training_flops(7_000, 300, checkpointing=checkpointing, lora=lora)
    assert found == each * 7_000 * 300


def test_gpu_hours_are_operations_over_the_reached_share_of_the_peak() -> None:
    assert gpu_hours(3.6e17, peak_tflops=100.0, mfu=0.5) == pytest.approx(2.0)


def test_a_run_of_the_papers_largest_mixture_is_about_a_day_of_one_gpu() -> None:
    flops = training_flops(
        7_615_616_512, 2_034 * 32 * 8_192, checkpointing=True, lora=False
    )  # 3.2e19; an H100 at 40 % does 1.4e18 in an hour
    assert gpu_hours(flops, peak_tflops=989.0, mfu=0.4) == pytest.approx(22.81, abs=0.01)


def test_writing_takes_two_operations_a_parameter_and_token_at_the_share_of_decoding() -> None:
    assert writing_hours(9_000_000_000, 1_000_000, HALF) == pytest.approx(1.0)


def test_judging_reads_at_one_share_and_writes_at_the_other() -> None:
    read = 2 * 1e9 * 900 * 1_000 / 50e12 / 3600
    written = 2 * 1e9 * 900 * 10 / 5e12 / 3600
    found = judging_hours(1_000_000_000, 900, 1_000, 10, HALF)
    assert found == pytest.approx(read + written)


@pytest.mark.parametrize(
    ("told", "values"),
    [
        ({}, 4.0),  # weights, gradients, two states
        ({"trained_share": 0.01}, 1.03),
        ({"optimizer_values": 0}, 2.0),
        ({"processes": 8}, 0.5),
    ],
)
def test_memory_is_weights_gradients_and_two_states_over_the_processes(
    told: dict[str, Any], values: float
) -> None:
    assert memory_gib(2**30, weights_bytes=4, **told) == pytest.approx(4 * values)
    assert memory_gib(2**30, weights_bytes=2, **told) == pytest.approx(2 * values)


@pytest.mark.parametrize(
    ("amount", "said"),
    [
        (1.2e-6, "under 0.1"),
        (0.1, "about 0.1"),
        (4.31, "about 4.3"),
        (22.8, "about 23"),
        (31_234.5, "about 31,234"),
    ],
)
def test_an_amount_is_said_without_powers_of_ten(amount: float, said: str) -> None:
    assert about(amount) == said
    assert about(amount, "at most ") == said.replace("about", "at most")


# parameters


def counted(folder: Path, family: str, head: str, **changes: Any) -> tuple[dict[str, Any], int]:
    """The config.json of a saved tiny network, and how many parameters it truly has."""
    from tiny import tiny_model

    model = tiny_model(family, head, **changes)
    model.config.save_pretrained(folder)
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    return config, sum(weight.numel() for weight in model.parameters())


@pytest.mark.parametrize("tied", [True, False], ids=["tied", "untied"])
@pytest.mark.parametrize("family", ["qwen2", "qwen3", "llama", "mistral", "gemma2"])
def test_a_writer_of_every_family_has_the_parameters_it_is_said_to_have(
    family: str, tied: bool, tmp_path: Path
) -> None:
    config, n = counted(tmp_path, family, "ForCausalLM", tie_word_embeddings=tied)
    assert parameters_of(config) == n


@pytest.mark.parametrize("tied", [True, False], ids=["tied", "untied"])
@pytest.mark.parametrize("family", ["qwen2", "llama"])
def test_a_reward_model_has_a_head_of_one_number_in_place_of_the_words(
    family: str, tied: bool, tmp_path: Path
) -> None:
    head = "ForSequenceClassification"
    config, n = counted(tmp_path, family, head, tie_word_embeddings=tied)
    assert parameters_of(config, scores=True) == n


@pytest.mark.parametrize(
    ("family", "changes"),
    [
        ("llama", {"attention_bias": True}),
        ("llama", {"mlp_bias": True}),
        ("llama", {"num_key_value_heads": 4}),
        ("qwen3", {"attention_bias": True}),
        ("mistral", {"head_dim": 24}),
    ],
)
def test_biases_widths_and_heads_of_ones_own_are_counted(
    family: str, changes: dict[str, Any], tmp_path: Path
) -> None:
    config, n = counted(tmp_path, family, "ForCausalLM", **changes)
    assert parameters_of(config) == n


def test_gemma_has_heads_of_256_and_is_tied_where_its_config_is_silent() -> None:
    transformers = pytest.importorskip("transformers", reason="needs the extra hf")
    from tiny import SHAPE

    config = transformers.GemmaConfig(**SHAPE, vocab_size=400)
    n = sum(weight.numel() for weight in transformers.GemmaForCausalLM(config).parameters())
    written = config.to_dict()
    assert parameters_of(written) == n
    silent = {k: v for k, v in written.items() if k not in ("head_dim", "tie_word_embeddings")}
    assert parameters_of(silent) == n


def test_the_shipped_base_has_the_parameters_of_its_shape() -> None:
    torch = pytest.importorskip("torch", reason="needs the extra hf")
    import transformers

    with torch.device("meta"):
        model = transformers.Qwen2ForCausalLM(transformers.Qwen2Config(**SHAPE_7B))
    n = sum(weight.numel() for weight in model.parameters())
    assert parameters_of({"model_type": "qwen2", **SHAPE_7B}) == n == 7_615_616_512
    assert KNOWN["Qwen/Qwen2.5-7B-Instruct"] == n


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"model_type": "mamba", **SHAPE_7B},
        {"model_type": None},
        {"model_type": "llama"},
        {"model_type": "qwen2", **SHAPE_7B, "hidden_size": None},
        {"model_type": "qwen2", **SHAPE_7B, "vocab_size": "many"},
    ],
)
def test_of_an_unknown_family_or_half_a_config_nothing_is_said(config: dict[str, Any]) -> None:
    assert parameters_of(config) is None
