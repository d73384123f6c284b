"""Which reward models vLLM reads as transformers does; others are refused before it starts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

from harness.errors import ModelError
from harness.models.checkpoint import Checkpoint
from harness.models.engine import engine_kind
from harness.models.loading import ScoreHead, load_head
from harness.specs import RewardRecipe

# Architectures that a test has seen to score within 1e-3 of transformers in float32, and the task
# by which vLLM gives the score: of the text, or of every token (the last one's is the text's).
TASKS = {
    "LlamaForSequenceClassification": "classify",
    "MistralForSequenceClassification": "classify",
    "Qwen2ForSequenceClassification": "classify",
    "Qwen3ForSequenceClassification": "classify",
    "GemmaForSequenceClassification": "classify",
    "Gemma2ForSequenceClassification": "classify",
    "Qwen2ForRewardModel": "token_classify",
}
_FAMILIES = tuple(sorted({name.partition("For")[0] + "For" for name in TASKS}))
_LAYERS = {"classify": 1, "token_classify": 2}  # of the head that vLLM builds for a task
# Keys of config.json by which vLLM makes another model of a checkpoint than transformers does.
_CHANGES = ("classifier_from_token", "method", "is_original_qwen3_reranker")


def task_of(checkpoint: Checkpoint, recipe: RewardRecipe) -> str:
    """The pooling task of vLLM that gives a checkpoint's scores by its recipe.

    Reads config.json alone. Raises ModelError, with the way out, where vLLM cannot represent
    the model or would compute something else.
    """
    config, head = checkpoint.config, recipe.head
    if head.read != "last_token":
        _refuse(checkpoint, f"the recipe {recipe.name} reads its score by the model's own code")
    if head.weights != "score":
        _refuse(checkpoint, f"its head is {head.weights}, and vLLM knows only one named score")
    task = TASKS.get(checkpoint.architecture)
    if task is None:
        name = checkpoint.architecture or "nameless model"
        _refuse(checkpoint, f"a {name} has not been compared with transformers")
    if task == "token_classify" and head.outputs != 1:
        _refuse(checkpoint, f"vLLM gives a {checkpoint.architecture} one output")
    if engine_kind(config, ("packed",)) == "single":
        _refuse(checkpoint, "vLLM computes its rotary positions (dynamic, longrope) otherwise")
    if config.get("is_causal") is False or config.get("use_bidirectional_attention"):
        _refuse(checkpoint, "its attention looks both ways")
    if config.get("quantization_config"):
        _refuse(checkpoint, "its weights are quantized, which has not been compared")
    if found := [key for key in _CHANGES if config.get(key)]:
        _refuse(checkpoint, f"config.json has {found[0]}, by which vLLM makes up another head")
    if (checkpoint.path / "modules.json").exists():
        _refuse(checkpoint, "vLLM takes it for a sentence-transformers model (modules.json)")
    return task


def check_head(checkpoint: Checkpoint, recipe: RewardRecipe, task: str) -> None:
    """Refuse a checkpoint that has no head, or another than vLLM builds for the task."""
    head = load_head(checkpoint, recipe.head.weights, recipe.head.outputs)
    if len(head.layers) != _LAYERS[task] or (task == "token_classify" and not _biased(head)):
        _refuse(checkpoint, f"its head {recipe.head.weights} is not the one that vLLM builds")


def check_backbone(checkpoint: Checkpoint) -> None:
    """Refuse a checkpoint that lacks a tensor of its backbone.

    vLLM leaves a linear layer that is not in the files as memory happened to be: seen to move
    scores by 5.6, without a word. Other families than those compared here are taken as they are:
    their tensors may have other names in transformers.
    """
    if not checkpoint.architecture.startswith(_FAMILIES):
        return
    expected, found = _expected(checkpoint), set(_names(checkpoint.path))
    base = "model."  # of every architecture in TASKS; a bare backbone is saved without
    missing = sorted(name for name in expected if not {name, base + name} & found)
    if missing:
        raise ModelError(
            f"{checkpoint.path}: the checkpoint lacks {len(missing)} tensors ({missing[0]}, ...); "
            "they would be random, so it is refused"
        )


def _biased(head: ScoreHead) -> bool:
    return all(bias is not None for _, bias in head.layers)


def _expected(checkpoint: Checkpoint) -> set[str]:
    """Names of the backbone's tensors as transformers has them, with no memory for weights."""
    import torch
    from transformers import AutoConfig, AutoModel

    try:
        config = AutoConfig.from_pretrained(checkpoint.path, local_files_only=True)
        with torch.device("meta"):
            model: Any = AutoModel.from_config(config)
    except (OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
        first = str(error).strip().partition("\n")[0]
        raise ModelError(f"{checkpoint.path}: config.json cannot be used: {first}") from None
    return {name for name, _ in model.named_parameters()}


def _names(folder: Path) -> Iterator[str]:
    """Names of the tensors in a checkpoint's files, without reading them."""
    import torch
    from safetensors import SafetensorError, safe_open

    files = sorted(folder.glob("*.safetensors"))
    for file in files:
        try:
            with safe_open(file, framework="pt") as weights:
                yield from weights.keys()
        except SafetensorError as error:
            raise ModelError(f"{file}: damaged or cut off: {error}") from None
    for file in () if files else sorted(folder.glob("pytorch_model*.bin")):
        yield from torch.load(file, map_location="meta", weights_only=True)


def _refuse(checkpoint: Checkpoint, reason: str) -> NoReturn:
    raise ModelError(
        f"{checkpoint.path}: not by vLLM: {reason}; --model hf:{_what(checkpoint)} scores it"
    )


def _what(checkpoint: Checkpoint) -> str:
    """The checkpoint as --model names it."""
    return str(checkpoint.path) if checkpoint.revision is None else checkpoint.name
