"""Adapters behind small protocols; the only place that imports torch and transformers."""

from __future__ import annotations

import importlib
from collections.abc import Callable

from harness.models.base import ChatModel, ModelRef, ModelSettings, PairJudge, RewardModel
from harness.models.device import require_torch
from harness.models.ref import parse_model
from harness.models.texts import TextsFile, WroteElsewhere

__all__ = [
    "MODELS", "AnyModel", "ChatModel", "ModelSettings", "Opened", "PairJudge", "RewardModel",
    "TextsFile", "WroteElsewhere", "open_model", "open_ref",
]  # fmt: skip

AnyModel = RewardModel | PairJudge | ChatModel
Opened = AnyModel | TextsFile

# backend -> module:function(ref, settings); a new kind of model is one file and one line
MODELS = {
    "hf": "harness.models.hf:open_hf",
    "likelihood": "harness.models.likelihood:open_likelihood",
    "openai": "harness.models.server.model:open_server",
    "vllm": "harness.models.vllm.model:open_vllm",
    "lm_eval": "harness.models.lm_eval.model:open_lm_eval",
    "baseline": "harness.models.baseline:open_baseline",
    "texts": "harness.models.texts:open_texts",
    "fake": "harness.models.fake:open_fake",
}
_NEED_TORCH = ("hf", "likelihood")


def open_model(model: str, model_args: str | None, settings: ModelSettings) -> Opened:
    """The model a --model names; reads configuration, not weights."""
    return open_ref(parse_model(model, model_args, tuple(MODELS)), settings)


def open_ref(ref: ModelRef, settings: ModelSettings) -> Opened:
    """As `open_model`, for a --model that is parsed already."""
    if ref.backend in _NEED_TORCH:
        require_torch()
    module, _, attribute = MODELS[ref.backend].partition(":")
    opener: Callable[..., Opened] = getattr(importlib.import_module(module), attribute)
    return opener(ref, settings)
