"""Reward models by vLLM: its engine reads the last token's score of whole batches of texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from harness.batching import Budget
from harness.errors import ModelError, UsageError
from harness.models.base import Encoded, ModelSettings
from harness.models.checkpoint import Checkpoint
from harness.models.engine import Kind
from harness.models.recipes import choose_recipe
from harness.models.reward import HfReward
from harness.models.vllm.engine import package, pool, refusals, start_engine
from harness.models.vllm.known import check_backbone, check_head, task_of
from harness.specs import RewardRecipe

# Texts handed over at once, in steps of the engine: it runs dry at the end of a batch, so a batch
# is many steps long, and few enough that not much is lost with a run that is killed.
_STEPS = 16
_STEP_TOKENS = {"cpu": 2048, "cuda": 16_384}  # what one step takes, where the user does not say


def open_vllm_reward(
    checkpoint: Checkpoint,
    settings: ModelSettings,
    options: Mapping[str, str],
    engine: Mapping[str, Any],
) -> VllmReward:
    """A sequence classifier scored by vLLM; refused, before anything starts, where it would
    score otherwise than transformers does."""
    recipe = choose_recipe(checkpoint, settings)
    if "quantization" in engine:
        raise UsageError(
            "--model_args quantization: not for reward models, whose scores it would change"
        )
    return VllmReward(checkpoint, recipe, settings, options, engine)


class VllmReward(HfReward):
    """The score that vLLM's own float32 head reads at the last token, without activation.

    Token ids are those of `hf:`. There is no prefix cache: with one, a text scored again would
    be looked up and not computed, and the self-check of a run would check nothing.
    """

    backend = "vllm"
    kind: Kind | None = "packed"  # asks nothing of transformers' attention

    def __init__(
        self,
        checkpoint: Checkpoint,
        recipe: RewardRecipe,
        settings: ModelSettings,
        options: Mapping[str, str],
        engine: Mapping[str, Any],
    ) -> None:
        self.task = task_of(checkpoint, recipe)
        names = {key: value for key, value in options.items() if key == "name"}
        super().__init__(checkpoint, recipe, settings, options=names)
        self.network.devices = (self.device,)  # vLLM shares its GPUs out by itself
        self._engine_options = dict(engine)
        limits = (self._engine_options.pop("max_model_len", None), self.network.limit)
        self.network.limit = min((value for value in limits if value is not None), default=None)
        self._step_tokens = self._engine_options.setdefault(
            "max_num_batched_tokens", _STEP_TOKENS[self.device]
        )

    def warm(self) -> None:
        """Nothing: an engine stays in the thread it was started in, that of the first batch."""

    def identity(self) -> Mapping[str, Any]:
        """As of `hf:`, but for whose attention it is."""
        return {**super().identity(), "attention": "vllm"}

    def facts(self) -> Mapping[str, Any]:
        """How it ran."""
        own = {"engine": "vllm", "attention_implementation": "vllm", "vllm": package()}
        return {**super().facts(), **own, "options": dict(self._engine_options)}

    def budget(self, *, max_tokens: int | None, max_texts: int | None) -> Budget:
        """What is handed to the engine's queue at once; what it computes at once it decides."""
        copies = self._engine_options.get("data_parallel_size", 1)
        return Budget(max_tokens or _STEPS * self._step_tokens * copies, max_texts)

    def score(self, batch: Sequence[Encoded], lane: int = 0) -> list[float]:
        """One score a text; all of them are in the engine's queue together."""
        import torch

        engine = self._parts[lane]
        try:
            found = pool(engine, [item.ids[0] for item in batch], self.task)
        except refusals() as error:
            said = " ".join(str(error).split())[:300]
            raise ModelError(f"{self.network.where}: vLLM refuses a text: {said}") from error
        except torch.OutOfMemoryError as error:  # a smaller batch would change no step of it
            raise ModelError(
                f"{self.network.where}: vLLM ran out of memory; --model_args with a smaller "
                f"max_num_batched_tokens (now {self._step_tokens}) or gpu_memory_utilization"
            ) from error
        last = [tensor[-1] if self.task == "token_classify" else tensor for tensor in found]
        return [float(outputs[self.recipe.head.index]) for outputs in last]

    def _load(self) -> list[Any]:
        check_head(self.network.checkpoint, self.recipe, self.task)
        check_backbone(self.network.checkpoint)
        engine = start_engine(
            self.network.where,
            device=self.device,
            limit=self.network.limit,
            dtype=self.network.dtype,
            runner="pooling",
            skip_tokenizer_init=True,
            enable_prefix_caching=False,
            # the head is read in float32, and is as wide as the recipe's
            hf_overrides={"head_dtype": "float32", "num_labels": self.recipe.head.outputs},
            **self._engine_options,
        )
        return [engine]
