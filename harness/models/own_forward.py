"""Reward models that read their own score: encoders' pooled logits and remote code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from harness.errors import ModelError, UsageError
from harness.models.base import Encoded, ModelSettings
from harness.models.checkpoint import Checkpoint
from harness.models.engine import Kind
from harness.models.reward import HfReward
from harness.specs import RewardRecipe


class OwnForwardReward(HfReward):
    """The checkpoint's own code turns tokens into the score, one text at a time.

    Alone, because what such code does with padding cannot be known from here: pooling by pad
    id is the trap that gives two texts one score (docs/design.md 5.3).
    """

    kind: Kind | None = "single"

    def __init__(
        self,
        checkpoint: Checkpoint,
        recipe: RewardRecipe,
        settings: ModelSettings,
        *,
        options: Mapping[str, str] | None = None,
    ) -> None:
        if recipe.remote_code and not settings.trust_remote_code:
            raise UsageError(
                f"{checkpoint.path}: the recipe {recipe.name} runs code that comes with the "
                "checkpoint; read it, then add --trust_remote_code"
            )
        if options and "peft" in options:
            raise UsageError("--model_args peft=: not for models that read their own score")
        super().__init__(checkpoint, recipe, settings, options=options)

    def _load(self) -> Sequence[Any]:
        return self.network.load_lanes(_auto_class(self.network.checkpoint.config))

    def score(self, batch: Sequence[Encoded], lane: int = 0) -> list[float]:
        """One score a text, each alone, by the copy of a lane."""
        from harness.models.engine import inference_on

        model = self._parts[lane]
        with inference_on(next(model.parameters()).device):
            return [self._alone(model, item) for item in batch]

    def _alone(self, model: Any, item: Encoded) -> float:
        import torch

        head, where = self.recipe.head, self.network.where
        if head.read == "method":
            if item.truncated:
                raise ModelError(
                    f"{where}: {head.name}() takes the text itself, so it cannot be cut; "
                    "leave --truncate at error"
                )
            if not hasattr(model, str(head.name)):
                raise ModelError(
                    f"{where}: the model has no {head.name}(), which the recipe "
                    f"{self.recipe.name} reads its score by; another recipe fits it (--judge)"
                )
            renderer = self.network.renderer
            chat = renderer.messages(item.candidate)
            found = getattr(model, str(head.name))(renderer.tokenizer, chat)
        else:
            self._refuse_pad_at_end(item)
            ids = torch.as_tensor(item.ids[0], dtype=torch.long, device=model.device)[None]
            outputs = model(input_ids=ids, attention_mask=torch.ones_like(ids))
            found = getattr(outputs, head.name or "logits", None)
            if found is None:
                raise ModelError(
                    f"{where}: the model's output has no {head.name or 'logits'}, which the "
                    f"recipe {self.recipe.name} reads its score by; another fits it (--judge)"
                )
        values = torch.as_tensor(found).float().flatten()
        if values.numel() != head.outputs:
            raise ModelError(
                f"{where}: gave {values.numel()} numbers a text and the recipe "
                f"{self.recipe.name} expects {head.outputs}"
            )
        return float(values[head.index])

    def _refuse_pad_at_end(self, item: Encoded) -> None:
        """Pooling by pad id passes over a last token that is one: the wrong token is read."""
        pad = self.network.checkpoint.config.get("pad_token_id")
        if pad is not None and int(item.ids[0][-1]) == pad:
            raise ModelError(
                f"{self.network.where}: texts end with token {pad}, which config.json calls the "
                "pad token, so the model's own pooling reads the wrong place; give it a pad token "
                "of its own, or a recipe with head read: last_token"
            )


def _auto_class(config: dict[str, Any]) -> str:
    """The class its auto_map offers for remote code, a classifier otherwise."""
    offered = config.get("auto_map") or {}
    for name in ("AutoModelForSequenceClassification", "AutoModel", "AutoModelForCausalLM"):
        if name in offered:
            return name
    return "AutoModelForSequenceClassification"
