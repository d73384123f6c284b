"""A checkpoint as it is run here: its input, engine, device, precision and limits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from harness.batching import Budget
from harness.errors import ModelError
from harness.models.base import ModelSettings
from harness.models.checkpoint import Checkpoint
from harness.models.device import hardware, resolve_device, resolve_dtype
from harness.models.encode import Renderer, load_tokenizer
from harness.models.engine import Kind, attention_kind, default_tokens, engine_kind
from harness.models.identity import adapter_fingerprint
from harness.models.loading import LoadOptions, load
from harness.specs import Input


class Network:
    """Decides how a checkpoint runs from its config.json; loads tokenizer and weights on use."""

    def __init__(
        self,
        checkpoint: Checkpoint,
        settings: ModelSettings,
        *,
        text_input: Input,
        attention: Sequence[str],
        dtype: str,
        max_length: int | None = None,
        kind: Kind | None = None,
        remote_code: bool = False,
        options: Mapping[str, str] | None = None,
        tokenizer: Any = None,
    ) -> None:
        """`attention` and `dtype` are what the recipe allows and prefers; `kind` overrules.

        A checkpoint's own code runs only where the recipe has `remote_code` and the user trusts
        it: a head that is known needs none.
        """
        self.runs_own_code = remote_code and settings.trust_remote_code
        self.checkpoint, self.settings, self.input = checkpoint, settings, text_input
        self.options = options or {}
        self.kind = kind or engine_kind(checkpoint.config, attention)
        self.attention = attention_kind(self.kind, attention)
        if self.attention == "sdpa" and checkpoint.config.get("attn_logit_softcapping"):
            raise ModelError(
                f"{self.where}: sdpa drops the soft-capping this model was trained with; "
                "its recipe must name packed or eager attention"
            )
        self.device = resolve_device(settings)
        self.dtype = resolve_dtype(settings, self.device, dtype)
        limits = (checkpoint.context, max_length, settings.max_length)
        self.limit = min((value for value in limits if value is not None), default=None)
        self._renderer = Renderer(tokenizer, text_input, self.where) if tokenizer else None

    @property
    def where(self) -> str:
        """The checkpoint, as error messages name it."""
        return str(self.checkpoint.path)

    @property
    def renderer(self) -> Renderer:
        """The tokenizer and its template, loaded on first use."""
        if self._renderer is None:
            trust = self.settings.trust_remote_code
            tokenizer = load_tokenizer(self.checkpoint, trust_remote_code=trust)
            self._renderer = Renderer(tokenizer, self.input, self.where)
        return self._renderer

    def load(self, auto_class: str, **extra: Any) -> Any:
        """The model, by a class name of transformers."""
        options = LoadOptions(
            dtype=self.dtype,
            device=self.device,
            attention=self.attention,
            trust_remote_code=self.runs_own_code,
            peft=self.options.get("peft"),
            device_map=self.options.get("device_map"),
        )
        return load(auto_class, self.checkpoint, options, **extra)

    def identity(self) -> dict[str, Any]:
        """What the network contributes to a run's identity."""
        return {
            "fingerprint": self.checkpoint.fingerprint(),
            "peft": adapter_fingerprint(self.options.get("peft")),
            "dtype": self.dtype,
            "attention": self.attention,
            "max_length": self.limit,
            "truncate": self.settings.truncate,
            "trust_remote_code": self.settings.trust_remote_code,
        }

    def facts(self) -> dict[str, Any]:
        """What the manifest says of it."""
        return {
            "engine": self.kind,
            "attention_implementation": self.attention,
            "dtype": self.dtype,
            "context": self.checkpoint.context,
            "max_length": self.limit,
            "architecture": self.checkpoint.architecture,
            "revision": self.checkpoint.revision,
            "chat_template_sha256": self.renderer.template_sha256(),
            "hardware": hardware(self.device),
        }

    def budget(self, *, max_tokens: int | None, max_texts: int | None) -> Budget:
        """The user's budget, or one for this device; one text where the kind is single."""
        if self.kind == "single":
            return Budget(1, 1)
        if max_tokens is None:
            import torch

            device = torch.device(self.device)
            max_tokens = default_tokens(self.kind, device, self.checkpoint.config)
        return Budget(max_tokens, max_texts, padded=self.kind == "padded")
