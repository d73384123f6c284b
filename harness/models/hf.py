"""A checkpoint of transformers: its architecture decides whether it scores or answers."""

from __future__ import annotations

from harness.models.base import ChatModel, ModelRef, ModelSettings, RewardModel
from harness.models.checkpoint import Checkpoint, open_checkpoint
from harness.models.ref import check_options
from harness.spec_files import load_any
from harness.specs import PairwiseJudge, PointwiseJudge, RewardRecipe

OPTIONS = ("revision", "peft", "device_map", "name", "family")
ANSWERS = ("ForCausalLM", "ForConditionalGeneration", "LMHeadModel")


def open_hf(ref: ModelRef, settings: ModelSettings) -> RewardModel | ChatModel:
    """A folder or hub id: a reward model by its recipe, or a chat model that judges."""
    check_options(ref.options, OPTIONS)
    checkpoint = open_checkpoint(ref.what, revision=ref.options.get("revision"))
    if answers(checkpoint, settings):
        from harness.models.chat.model import open_chat

        return open_chat(checkpoint, settings, ref.options)
    from harness.models.reward import open_reward

    return open_reward(checkpoint, settings, ref.options)


def answers(checkpoint: Checkpoint, settings: ModelSettings) -> bool:
    """Whether a checkpoint is to answer: --judge says so, or else its architecture.

    A judge of texts asks; a recipe scores, with whatever checkpoint it is named for.
    """
    if settings.judge is None:
        return checkpoint.architecture.endswith(ANSWERS)
    kinds = (RewardRecipe, PairwiseJudge, PointwiseJudge)
    spec = load_any("judges", settings.judge, kinds, "judge or recipe", settings.include)
    return not isinstance(spec, RewardRecipe)
