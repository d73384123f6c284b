"""Reward models of transformers: a backbone, the last real token, a head in float32."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

from harness.batching import Budget
from harness.models.base import Encoded, ModelSettings, RewardModel
from harness.models.checkpoint import Checkpoint
from harness.models.engine import Engine, Kind
from harness.models.fit import fit
from harness.models.lanes import Lanes
from harness.models.loading import ScoreHead, load_head, make_head
from harness.models.network import Network
from harness.models.recipes import choose_recipe
from harness.records import Candidate
from harness.specs import RewardRecipe, spec_sha256


def open_reward(
    checkpoint: Checkpoint, settings: ModelSettings, options: Mapping[str, str]
) -> RewardModel:
    """A reward model of transformers, run by its recipe."""
    recipe = choose_recipe(checkpoint, settings)
    if recipe.head.read == "last_token":
        return SequenceReward(checkpoint, recipe, settings, options=options)
    from harness.models.own_forward import OwnForwardReward

    return OwnForwardReward(checkpoint, recipe, settings, options=options)


class HfReward(ABC):
    """What all reward models of transformers share: recipe, network, encoding."""

    backend = "hf"
    kind: Kind | None = None  # decided by the checkpoint, unless a subclass knows better

    def __init__(
        self,
        checkpoint: Checkpoint,
        recipe: RewardRecipe,
        settings: ModelSettings,
        *,
        options: Mapping[str, str] | None = None,
        tokenizer: Any = None,
    ) -> None:
        self.recipe = recipe
        self.name = (options or {}).get("name") or checkpoint.name
        self.network = Network(
            checkpoint,
            settings,
            text_input=recipe.input,
            attention=recipe.attention,
            dtype=recipe.dtype,
            max_length=recipe.max_length,
            kind=self.kind,
            remote_code=recipe.remote_code,
            options=options,
            tokenizer=tokenizer,
        )
        self.device = self.network.device
        self._parts: Lanes[Any] = Lanes(self._load)

    @abstractmethod
    def _load(self) -> Sequence[Any]:
        """What scores on each device of the network."""

    @abstractmethod
    def score(self, batch: Sequence[Encoded], lane: int = 0) -> list[float]:
        """float32 scores in the order of the batch, by the copy of a lane."""

    @property
    def lanes(self) -> int:
        """How many batches can be scored at the same time."""
        return len(self.network.devices)

    def warm(self) -> None:
        """Load the weights, on every device."""
        self._parts.warm()

    def identity(self) -> Mapping[str, Any]:
        """Contents of the checkpoint, and all that changes a number."""
        return {"backend": self.backend, **self.network.identity()}

    def judge(self) -> Mapping[str, str]:
        """The recipe it is run by."""
        return {"name": self.recipe.name, "sha256": spec_sha256(self.recipe)}

    def facts(self) -> Mapping[str, Any]:
        """How it ran."""
        return self.network.facts()

    def encode(self, candidates: Sequence[Candidate]) -> list[Encoded]:
        """Token ids of every candidate; too long ones are refused or cut by the settings."""
        renderer = self.network.renderer
        rows = renderer.candidate_ids(candidates)
        encoded = [
            Encoded(candidate, (ids,), (0,), len(ids))
            for candidate, ids in zip(candidates, rows, strict=True)
        ]
        return fit(
            encoded,
            self.network.limit,
            self.network.settings.truncate,
            bos=renderer.bos,
            append=renderer.append_id,
        )

    def budget(self, *, max_tokens: int | None, max_texts: int | None) -> Budget:
        """The user's budget, or one for this device."""
        return self.network.budget(max_tokens=max_tokens, max_texts=max_texts)


class SequenceReward(HfReward):
    """score = head(hidden state of the last real token), gathered by index (docs/design.md 5.3)."""

    def use(self, model: Any) -> None:
        """Score with a classifier that is already in memory."""
        engine, head = self._split(model)
        self.network.devices = (str(engine.device),)
        self.network.onednn = False  # its layers are lent, so they stay as they are
        self._parts = Lanes(lambda: [(engine, head)])

    def score(self, batch: Sequence[Encoded], lane: int = 0) -> list[float]:
        """One score a text, by the copy of a lane."""
        import torch

        from harness.models.engine import inference_on

        engine, head = self._parts[lane]
        states = engine.hidden([item.ids[0] for item in batch], [slice(-1, None)] * len(batch))
        with inference_on(engine.device):
            scores: list[float] = head(torch.cat(states))[:, self.recipe.head.index].tolist()
        return scores

    def _load(self) -> list[tuple[Engine, ScoreHead]]:
        head, network = self.recipe.head, self.network
        if "peft" in network.options:
            models = network.load_lanes(
                "AutoModelForSequenceClassification", num_labels=head.outputs
            )
            return [self._split(model) for model in models]
        # the head first: a checkpoint without one is refused before gigabytes are read
        scores = load_head(network.checkpoint, head.weights, head.outputs)
        engines = [Engine(model, network.kind) for model in network.load_lanes("AutoModel")]
        return [(engine, scores.to(engine.device)) for engine in engines]

    def _split(self, model: Any) -> tuple[Engine, ScoreHead]:
        head = self.recipe.head
        module = model.get_submodule(head.weights)
        if hasattr(module, "modules_to_save"):  # peft trains a copy of the head
            module = module.modules_to_save[module.active_adapter]
        tensors = dict(module.state_dict())
        backbone = getattr(model, model.base_model_prefix)
        scores = make_head(tensors, head.weights, head.outputs, self.network.where)
        return Engine(backbone, self.network.kind), scores
