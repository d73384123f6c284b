"""Adapters behind small protocols; the only place that imports torch and transformers."""

from __future__ import annotations

import importlib
from collections.abc import Callable

from harness.models.base import ModelSettings, PairJudge, RewardModel
from harness.models.device import require_torch
from harness.models.ref import parse_model

__all__ = ["MODELS", "ModelSettings", "PairJudge", "RewardModel", "open_model"]

# backend -> module:function(ref, settings); a new kind of model is one file and one line
MODELS = {
    "hf": "harness.models.reward:open_reward",
    "likelihood": "harness.models.likelihood:open_likelihood",
    "baseline": "harness.models.baseline:open_baseline",
}
_NEED_TORCH = ("hf", "likelihood")


def open_model(
    model: str, model_args: str | None, settings: ModelSettings
) -> RewardModel | PairJudge:
    """The model a --model names; reads configuration, not weights."""
    ref = parse_model(model, model_args, tuple(MODELS))
    if ref.backend in _NEED_TORCH:
        require_torch()
    module, _, attribute = MODELS[ref.backend].partition(":")
    opener: Callable[..., RewardModel | PairJudge] = getattr(
        importlib.import_module(module), attribute
    )
    return opener(ref, settings)
