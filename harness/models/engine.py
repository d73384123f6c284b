"""Runs a backbone over texts and hands back hidden states at chosen places: packed or padded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import torch

from harness.models.attention import PACKED
from harness.models.base import Ids, OutOfMemory

Kind = Literal["packed", "padded", "single"]

# Families whose attention goes through transformers' interface, whose positions restart, and
# which a test has seen to score alike packed and alone.
PACKABLE = frozenset({"qwen2", "qwen3", "llama", "mistral", "gemma2"})
# Rotary frequencies that depend on the length of the whole input: a neighbour would change them.
_LENGTH_DEPENDENT_ROPE = frozenset({"dynamic", "longrope"})


def engine_kind(config: dict[str, Any], allowed: Sequence[str]) -> Kind:
    """How a checkpoint is run, decided by its config.json and its recipe's `attention`."""
    rope = config.get("rope_scaling") or config.get("rope_parameters") or {}
    kinds = {str(rope.get("rope_type", rope.get("type")))}
    kinds |= {str(v.get("rope_type")) for v in rope.values() if isinstance(v, dict)}
    # the first Phi-3 called its longrope "su" or "yarn"; the list of factors gives it away
    if kinds & _LENGTH_DEPENDENT_ROPE or "long_factor" in rope:
        return "single"
    if config.get("model_type") in PACKABLE and "packed" in allowed:
        return "packed"
    return "padded"


def attention_kind(kind: Kind, allowed: Sequence[str]) -> str:
    """The attention implementation asked of transformers for an engine kind."""
    if kind == "packed":
        return PACKED
    return next((name for name in allowed if name != "packed"), "eager")


class Engine:
    """A backbone in evaluation mode on its device; the same calls for every kind."""

    def __init__(self, backbone: Any, kind: Kind) -> None:
        self.backbone = backbone
        self.kind = kind
        self.device = next(backbone.parameters()).device
        self.dtype = next(backbone.parameters()).dtype

    def hidden(self, ids: Sequence[Ids], places: Sequence[slice]) -> list[torch.Tensor]:
        """Hidden states (n_places, width) of each text at its `places`, in the model's dtype."""
        try:
            with torch.inference_mode():
                if self.kind == "packed":
                    return self._packed(ids, places)
                return self._padded(ids, places)
        except torch.OutOfMemoryError as error:
            raise OutOfMemory from error

    def _packed(self, ids: Sequence[Ids], places: Sequence[slice]) -> list[torch.Tensor]:
        lengths = tuple(len(row) for row in ids)
        ends = np.cumsum(lengths)
        positions = np.concatenate([np.arange(n) for n in lengths])
        varlen = self.device.type == "cuda" and self.dtype in (torch.bfloat16, torch.float16)
        states = self.backbone(
            input_ids=self._tensor(np.concatenate(ids))[None],
            position_ids=self._tensor(positions)[None],
            use_cache=False,  # a cache would let texts of a pack see each other
            text_lengths=lengths,
            cu_seq_lens=self._tensor(np.r_[0, ends], torch.int32) if varlen else None,
        ).last_hidden_state[0]
        rows = states.split(lengths)
        return [row[place] for row, place in zip(rows, places, strict=True)]

    def _padded(self, ids: Sequence[Ids], places: Sequence[slice]) -> list[torch.Tensor]:
        lengths = [len(row) for row in ids]
        longest = max(lengths)
        # causal attention never looks right, so what stands in the padding does not matter
        block = np.zeros((len(ids), longest), dtype=np.int64)
        for row, text in zip(block, ids, strict=True):
            row[: len(text)] = text
        mask = np.arange(longest)[None] < np.array(lengths)[:, None]
        states = self.backbone(
            input_ids=self._tensor(block),
            attention_mask=None if mask.all() else self._tensor(mask),
            use_cache=False,
        ).last_hidden_state
        return [row[:n][place] for row, n, place in zip(states, lengths, places, strict=True)]

    def _tensor(self, array: Any, dtype: torch.dtype = torch.long) -> torch.Tensor:
        return torch.as_tensor(array, dtype=dtype, device=self.device)


def default_tokens(kind: Kind, device: torch.device, config: dict[str, Any]) -> int:
    """The token budget to begin with.

    On a CPU a small one is best (measured: the caches hold it); on a GPU what free memory
    should hold, by a rough count of the activations of one layer, and halved on out-of-memory.
    """
    if device.type != "cuda":
        return 2048 if kind == "packed" else 4096
    free, _ = torch.cuda.mem_get_info(device)
    width = int(config.get("hidden_size", 4096))
    inner = int(config.get("intermediate_size", 4 * width))
    per_token = 2 * (10 * width + 4 * inner)
    return max(4096, min(131_072, int(0.6 * free) // per_token))
