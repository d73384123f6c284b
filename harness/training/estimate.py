"""What a training, or writing and judging with its model, would cost: operations, hours, memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from harness.specs import Training

# dense bfloat16 peak in TFLOP/s, from the makers' data sheets
PEAKS = {"A100": 312.0, "H100": 989.0, "H200": 989.0, "B200": 2250.0}
# of the shipped recipes' base, whose config may not be at hand
KNOWN = {"Qwen/Qwen2.5-7B-Instruct": 7_615_616_512}
_WIDTHS = {"gemma": 256, "gemma2": 256, "qwen3": 128}  # of a head, where config.json is silent


@dataclass(frozen=True, slots=True)
class Assumptions:
    """What an estimate takes for granted: the peak of the GPU, and the shares of it that are
    reached by training and reading (`mfu`) and by writing token after token (`decode_share`)."""

    gpu: str = "H100"
    peak_tflops: float = PEAKS["H100"]
    mfu: float = 0.4
    decode_share: float = 0.1


def training_flops(parameters: int, tokens: int, *, checkpointing: bool, lora: bool) -> float:
    """Floating-point operations of a training over so many tokens.

    2 a parameter and token forward, 4 backward, of which LoRA saves the half that would be the
    gradients of frozen weights; checkpointed gradients add a forward. Matrix products with
    weights alone: attention itself is left out, a ninth more at 8,192 tokens of a 7B model.
    Source: Kaplan et al. 2020 (arXiv 2001.08361), 2.1.
    """
    each = 2 + (2 if lora else 4) + (2 if checkpointing else 0)
    return float(each) * parameters * tokens


def gpu_hours(flops: float, *, peak_tflops: float, mfu: float) -> float:
    """Hours of one GPU that reaches the share `mfu` of its peak (PaLM, arXiv 2204.02311, B)."""
    return flops / (peak_tflops * 1e12 * mfu) / 3600


def writing_hours(parameters: int, tokens: int, assumed: Assumptions) -> float:
    """Hours to write so many tokens, 2 operations a parameter and token, in large batches."""
    return gpu_hours(
        2.0 * parameters * tokens, peak_tflops=assumed.peak_tflops, mfu=assumed.decode_share
    )


def judging_hours(
    parameters: int, calls: int, tokens_in: int, tokens_out: int, assumed: Assumptions
) -> float:
    """Hours of a judge of that size for calls of so many tokens read and written each."""
    read = gpu_hours(
        2.0 * parameters * calls * tokens_in, peak_tflops=assumed.peak_tflops, mfu=assumed.mfu
    )
    return read + writing_hours(parameters, calls * tokens_out, assumed)


def memory_gib(
    parameters: int,
    *,
    weights_bytes: int,
    trained_share: float = 1.0,
    optimizer_values: int = 2,
    processes: int = 1,
) -> float:
    """GiB of weights, and of gradients and AdamW's two states of the trained ones, a process.

    Gradients and states are as wide as the weights; activations are not in it.
    """
    values = parameters * (1 + trained_share * (1 + optimizer_values))
    return values * weights_bytes / processes / 2**30


def memory_line(spec: Training, parameters: int | None) -> str:
    """What `harness train --dry_run` says of memory."""
    if parameters is None:
        return "memory: unknown before the base is at hand"
    gib = memory_gib(
        parameters,
        weights_bytes=4 if spec.weights_dtype == "float32" else 2,
        trained_share=1.0 if spec.lora is None else 0.01,
    )
    return (
        f"memory: {about(gib)} GiB for weights, gradients and AdamW's states, divided by the "
        "number of processes under FSDP; activations come on top"
    )


def about(amount: float, most: str = "about ") -> str:
    """An amount known roughly, or at most, in digits that say no more than that."""
    if amount < 0.1:
        return "under 0.1"
    return most + (f"{amount:.1f}" if amount < 10 else f"{amount:,.0f}")


def parameters_of(config: Mapping[str, Any], *, scores: bool = False) -> int | None:
    """The parameters of a causal LM of this config.json; null for an unknown family or shape.

    Llama, Mistral, Qwen2, Qwen3 and Gemma: embeddings (tied or not), attention with grouped keys,
    gated layers, norms; biases of Qwen2's queries, keys and values, norms of Qwen3's heads,
    Gemma-2's two more norms a layer. With `scores` the head is a reward model's: one number.
    """
    family = str(config.get("model_type", ""))
    if family not in ("llama", "mistral", "qwen2", "qwen3", "gemma", "gemma2"):
        return None
    try:
        hidden, heads = int(config["hidden_size"]), int(config["num_attention_heads"])
        inner, layers = int(config["intermediate_size"]), int(config["num_hidden_layers"])
        table = int(config["vocab_size"]) * hidden
    except (KeyError, TypeError, ValueError):
        return None
    groups = int(config.get("num_key_value_heads") or heads)
    width = int(config.get("head_dim") or _WIDTHS.get(family) or hidden // heads)
    queries, keys = heads * width, groups * width
    layer = hidden * (queries + 2 * keys) + queries * hidden + 3 * hidden * inner
    if family == "qwen2":
        layer += queries + 2 * keys
    elif config.get("attention_bias"):
        layer += queries + 2 * keys + hidden
    if family == "llama" and config.get("mlp_bias"):
        layer += 2 * inner + hidden
    layer += (4 if family == "gemma2" else 2) * hidden + (2 * width if family == "qwen3" else 0)
    tied = config.get("tie_word_embeddings", family.startswith("gemma"))
    head = hidden if scores else 0 if tied else table
    return table + layers * layer + hidden + head
