"""A checkpoint as it is run here: its input, engine, device, precision and limits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from harness.batching import Budget
from harness.errors import ModelError
from harness.models.base import ModelSettings
from harness.models.checkpoint import Checkpoint
from harness.models.device import hardware, lane_devices, resolve_device, resolve_dtype
from harness.models.encode import Renderer, load_tokenizer
from harness.models.engine import Kind, attention_kind, default_tokens, engine_kind
from harness.models.identity import adapter_fingerprint
from harness.models.lanes import copies
from harness.models.linears import onednn_pays, prepack
from harness.models.loading import LoadOptions, does_not_fit, load
from harness.specs import Input

_BYTES = {"float32": 4, "bfloat16": 2, "float16": 2}


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
        self._loaded = False

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

    @cached_property
    def devices(self) -> tuple[str, ...]:
        """Where a copy of the network stands, one a lane; a network that is spread has one lane."""
        one = self._spread or self.settings.elsewhere
        return (self.device,) if one else lane_devices(self.device)

    @property
    def _spread(self) -> bool:
        return "device_map" in self.options

    def load(self, auto_class: str, *, device: str | None = None, **extra: Any) -> Any:
        """The model, by a class name of transformers."""
        options = LoadOptions(
            dtype=self.dtype,
            device=device or self.device,
            attention=self.attention,
            trust_remote_code=self.runs_own_code,
            peft=self.options.get("peft"),
            device_map=self.options.get("device_map"),
        )
        model = load(auto_class, self.checkpoint, options, **extra)
        self._loaded = True
        return model

    def load_lanes(self, auto_class: str, **extra: Any) -> list[Any]:
        """The model on each of its devices; a device it does not fit on is a ModelError."""
        import torch

        model = self.load(auto_class, device=self.devices[0], **extra)
        try:
            models = copies(model, self.devices)
        except torch.OutOfMemoryError:
            raise does_not_fit(self.checkpoint.path, " or ".join(self.devices[1:])) from None
        if self.onednn:
            for one in models:
                prepack(one.base_model)
        return models

    @cached_property
    def onednn(self) -> bool:
        """Whether linear layers go through oneDNN rather than torch's own kernels."""
        exact = self.device == "cpu" and self.dtype == "float32"
        return exact and self.kind == "packed" and onednn_pays()

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
            "devices": list(self.devices),
            "linears": "onednn" if self.onednn else "torch",
            "hardware": hardware(self.device),
        }

    def budget(self, *, max_tokens: int | None, max_texts: int | None) -> Budget:
        """The user's budget, or one for this device; one text where the kind is single."""
        if self.kind == "single":
            return Budget(1, 1)
        if max_tokens is None:
            max_tokens = min(map(self._default_tokens, self._memories()))
        return Budget(max_tokens, max_texts, padded=self.kind == "padded")

    def _memories(self) -> Sequence[str]:
        return lane_devices(self.device) if self._spread else self.devices

    def _default_tokens(self, device: str) -> int:
        import torch

        weights = 0 if self._loaded else self._weight_bytes()
        if self._spread:
            weights //= len(self._memories())
        where = torch.device(device)
        return default_tokens(self.kind, where, self.checkpoint.config, weights=weights)

    def _weight_bytes(self) -> int:
        """What the weights will take in the precision they are loaded in."""
        config = self.checkpoint.config
        stored = str(config.get("dtype") or config.get("torch_dtype") or self.dtype)
        size = sum(file.stat().st_size for file in self.checkpoint.path.glob("*.safetensors"))
        return size * _BYTES[self.dtype] // _BYTES.get(stored, _BYTES[self.dtype])
