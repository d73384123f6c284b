"""Implicit rewards of a causal LM: how likely it finds the response (docs/design.md 5.11)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from harness.batching import Budget
from harness.errors import ModelError, UsageError
from harness.models.base import Encoded, Ids, ModelRef, ModelSettings
from harness.models.checkpoint import open_checkpoint
from harness.models.engine import Engine
from harness.models.fit import fit
from harness.models.lanes import Lanes
from harness.models.lm_head import LmHead
from harness.models.network import Network
from harness.models.ref import check_options
from harness.records import Candidate
from harness.spec_files import load_named
from harness.specs import Input, RewardRecipe, spec_sha256

OPTIONS = ("revision", "ref", "ref_revision", "norm", "device_map", "peft", "name")
NORMS = ("token", "sum", "char")


def open_likelihood(ref: ModelRef, settings: ModelSettings) -> Likelihood:
    """likelihood:PATH[,norm=token|sum|char] or likelihood:PATH,ref=REF."""
    check_options(ref.options, OPTIONS)
    norm = ref.options.get("norm", "sum" if "ref" in ref.options else "token")
    if norm not in NORMS:
        raise UsageError(f"--model: norm={norm}: one of {', '.join(NORMS)}")
    if "ref" in ref.options and norm != "sum":
        raise UsageError("--model: with ref= the score is the sum of log-ratios; leave norm= out")
    recipe = None
    if settings.judge is not None:
        recipe = load_named(
            "judges", settings.judge, RewardRecipe, "reward-model recipe", settings.include
        )
    return Likelihood(ref, settings, norm, recipe)


class Likelihood:
    """log p(response and its end-of-turn token | prompt), or its ratio to a reference model."""

    backend = "likelihood"

    def __init__(
        self, ref: ModelRef, settings: ModelSettings, norm: str, recipe: RewardRecipe | None
    ) -> None:
        self.norm, self.recipe = norm, recipe
        options = ref.options
        self.networks = [_Scorer(ref.what, settings, recipe, options, options.get("revision"))]
        if "ref" in options:
            without = {key: value for key, value in options.items() if key != "peft"}
            revision = options.get("ref_revision")
            self.networks.append(_Scorer(options["ref"], settings, recipe, without, revision))
        self.device = self.networks[0].network.device
        name = self.networks[0].network.checkpoint.name
        self.name = options.get("name") or f"likelihood:{name}"

    def identity(self) -> Mapping[str, Any]:
        """Both networks and the norm."""
        networks = [scorer.network.identity() for scorer in self.networks]
        return {"backend": self.backend, "norm": self.norm, "networks": networks}

    def judge(self) -> Mapping[str, str] | None:
        """The recipe, where the user named one."""
        if self.recipe is None:
            return None
        return {"name": self.recipe.name, "sha256": spec_sha256(self.recipe)}

    def facts(self) -> Mapping[str, Any]:
        """How it ran."""
        policy, *reference = [scorer.network.facts() for scorer in self.networks]
        return {**policy, "norm": self.norm, "reference": reference[0] if reference else None}

    def encode(self, candidates: Sequence[Candidate]) -> list[Encoded]:
        """Token ids for every network, and where the response begins in each."""
        rows = [scorer.encode(candidates) for scorer in self.networks]
        return [
            Encoded(
                one[0].candidate,
                tuple(item.ids[0] for item in one),
                tuple(item.starts[0] for item in one),
                max(item.n_tokens for item in one),
                any(item.truncated for item in one),
            )
            for one in zip(*rows, strict=True)
        ]

    def budget(self, *, max_tokens: int | None, max_texts: int | None) -> Budget:
        """The policy's; a reference that cannot be packed makes it one text at a time."""
        found = [
            scorer.network.budget(max_tokens=max_tokens, max_texts=max_texts)
            for scorer in self.networks
        ]
        return min(found, key=lambda budget: (not budget.padded, budget.max_tokens))

    @property
    def lanes(self) -> int:
        """How many batches can be scored at the same time."""
        return min(len(scorer.network.devices) for scorer in self.networks)

    def warm(self) -> None:
        """Load the weights of every network, on every device."""
        for scorer in self.networks:
            scorer.parts.warm()

    def score(self, batch: Sequence[Encoded], lane: int = 0) -> list[float]:
        """One score a text, by the copy of a lane."""
        sums = [
            scorer.log_likelihoods(
                lane, [item.ids[number] for item in batch], [item.starts[number] for item in batch]
            )
            for number, scorer in enumerate(self.networks)
        ]
        if len(sums) == 2:
            return [p - r for p, r in zip(*sums, strict=True)]
        return [self._normed(total, item) for total, item in zip(sums[0], batch, strict=True)]

    def _normed(self, total: float, item: Encoded) -> float:
        if self.norm == "token":
            return total / max(1, len(item.ids[0]) - item.starts[0])
        if self.norm == "char":
            return total / len(item.candidate.text)
        return total


class _Scorer:
    """One causal LM: splits prompt from response, and sums the response's log-probabilities."""

    def __init__(
        self,
        what: str,
        settings: ModelSettings,
        recipe: RewardRecipe | None,
        options: Mapping[str, str],
        revision: str | None,
    ) -> None:
        checkpoint = open_checkpoint(what, revision=revision)
        if not checkpoint.architecture.endswith("ForCausalLM"):
            raise ModelError(
                f"{checkpoint.path}: a {checkpoint.architecture or 'nameless model'} gives no "
                "likelihoods; likelihood: needs a *ForCausalLM checkpoint"
            )
        # plain sdpa would drop Gemma-2's soft-capping
        gemma2 = checkpoint.config.get("model_type") == "gemma2"
        self.network = Network(
            checkpoint,
            settings,
            text_input=recipe.input if recipe else Input(),
            attention=("packed", "eager") if gemma2 else ("packed", "sdpa"),
            dtype=recipe.dtype if recipe else "bfloat16",
            max_length=recipe.max_length if recipe else None,
            remote_code=True,
            options=options,
        )
        self.parts = Lanes(self._load)

    def _load(self) -> list[tuple[Engine, LmHead]]:
        return [self._split(model) for model in self.network.load_lanes("AutoModelForCausalLM")]

    def _split(self, model: Any) -> tuple[Engine, LmHead]:
        engine = Engine(getattr(model, model.base_model_prefix), self.network.kind)
        where, onednn = self.network.where, self.network.onednn
        return engine, LmHead(model, engine, where, onednn=onednn)

    def encode(self, candidates: Sequence[Candidate]) -> list[Encoded]:
        """Rendered and tokenised once; `starts` is the first token of the response."""
        renderer = self.network.renderer
        rendered = [renderer.render(candidate) for candidate in candidates]
        texts = [candidate.text for candidate in candidates]
        rows = renderer.ids_and_starts(rendered, texts)
        encoded = [
            Encoded(candidate, (ids,), (start,), len(ids))
            for candidate, (ids, start) in zip(candidates, rows, strict=True)
        ]
        return fit(
            encoded,
            self.network.limit,
            self.network.settings.truncate,
            bos=renderer.bos,
            append=renderer.append_id,
        )

    def log_likelihoods(self, lane: int, ids: Sequence[Ids], starts: Sequence[int]) -> list[float]:
        """Sum of float32 log-probabilities of the tokens from `starts` on, one a text."""
        engine, lm_head = self.parts[lane]
        # the state at i - 1 predicts token i; nothing predicts the first token of a text
        firsts = [max(start, 1) for start in starts]
        places = [slice(first - 1, len(row) - 1) for row, first in zip(ids, firsts, strict=True)]
        states = engine.hidden(ids, places)
        return lm_head.log_likelihoods(
            states, [row[first:] for row, first in zip(ids, firsts, strict=True)]
        )
