"""How a causal language model is run, decided by its configuration before any weight is read."""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from harness.errors import ModelError
from harness.models.checkpoint import Checkpoint
from harness.models.engine import engine_kind

# what a forward pass must take for rows of unequal length to share it
_NEEDED = {"attention_mask", "position_ids", "past_key_values", "logits_to_keep"}


@dataclass(frozen=True, slots=True)
class ChatEngine:
    """`rows`: many answers at once (`generate`); `single`: one after the other (`alone`)."""

    kind: Literal["rows", "single"]
    attention: Literal["sdpa", "eager"]


def chat_engine(checkpoint: Checkpoint, *, trust_remote_code: bool) -> ChatEngine:
    """The engine of a checkpoint.

    sdpa where transformers' class supports it, and never for soft-capped scores, whose capping it
    would drop. One at a time: code of the checkpoint's own, layers that keep more than keys and
    values, and rope frequencies that depend on the length of the whole input.
    """
    from transformers import AutoConfig

    from harness.models.chat.cache import can_batch, new_cache

    kind = _class(checkpoint, trust_remote_code)
    if kind is None:
        return ChatEngine("single", "eager")
    try:
        config = AutoConfig.from_pretrained(
            checkpoint.path, trust_remote_code=False, local_files_only=True
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(f"{checkpoint.path}: config.json cannot be used: {error}") from None
    text = config.get_text_config(decoder=True)
    capped = getattr(text, "attn_logit_softcapping", None)
    attention: Literal["sdpa", "eager"] = "sdpa" if kind._supports_sdpa and not capped else "eager"
    takes = set(inspect.signature(kind.forward).parameters)
    if (
        takes >= _NEEDED
        and can_batch(new_cache(text))
        and engine_kind(text.to_dict(), ()) != "single"
    ):
        return ChatEngine("rows", attention)
    return ChatEngine("single", attention)


def _class(checkpoint: Checkpoint, trust_remote_code: bool) -> Any:
    """transformers' own class for the checkpoint; None where code of its own will run."""
    import transformers
    from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES as NAMES

    own_code = "AutoModelForCausalLM" in checkpoint.config.get("auto_map", {})
    if own_code and trust_remote_code:
        return None
    kind = checkpoint.config.get("model_type")
    if kind not in NAMES:
        raise ModelError(
            f"{checkpoint.path}: it runs by Python code of its own; read that, then allow it with "
            "--trust_remote_code"
            if own_code
            else f"{checkpoint.path}: transformers {transformers.__version__} has no causal "
            f"language model of model_type {kind!r}"
        )
    return getattr(transformers, NAMES[kind] if isinstance(NAMES[kind], str) else NAMES[kind][0])


def end_tokens(checkpoint: Checkpoint) -> set[int]:
    """The end tokens that generation_config.json or config.json name."""
    text = checkpoint.config.get("text_config") or {}
    found: set[int] = set()
    for config in (checkpoint.config, text, _generation(checkpoint)):
        ends = config.get("eos_token_id")
        found.update(ends if isinstance(ends, list) else [] if ends is None else [ends])
    return found


def _generation(checkpoint: Checkpoint) -> Mapping[str, Any]:
    """generation_config.json: nothing of it is used but the end tokens.

    transformers' generate would also take its temperature or repetition_penalty where the caller
    names none, so that a greedy judge of one checkpoint is not that of another.
    """
    file = checkpoint.path / "generation_config.json"
    try:
        config = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return config if isinstance(config, dict) else {}
