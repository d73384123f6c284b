"""Runs a backbone over texts and hands back hidden states at chosen places: packed or padded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any, Literal

import numpy as np
import torch

from harness.models.attention import PACKED
from harness.models.base import Ids, OutOfMemory
from harness.models.device import usable_memory
from harness.models.prefixes import shared_prefixes

Kind = Literal["packed", "padded", "single"]

# Families whose attention goes through transformers' interface, whose positions restart, and
# which a test has seen to score alike packed and alone.
PACKABLE = frozenset({"qwen2", "qwen3", "llama", "mistral", "gemma2"})
# Rotary frequencies that depend on the length of the whole input: a neighbour would change them.
_LENGTH_DEPENDENT_ROPE = frozenset({"dynamic", "longrope"})
_MOST_TOKENS = 32_768  # in one batch on a GPU, where the user does not say


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


@contextmanager
def inference_on(device: torch.device) -> Iterator[None]:
    """Inference on a device, for the calling thread; running out of memory is OutOfMemory."""
    place = torch.cuda.device(device) if device.type == "cuda" else nullcontext()
    try:
        with torch.inference_mode(), place:
            yield
    except torch.OutOfMemoryError as error:
        raise OutOfMemory from error


class Engine:
    """A backbone in evaluation mode on its device; the same calls for every kind."""

    def __init__(self, backbone: Any, kind: Kind) -> None:
        self.backbone = backbone
        self.kind = kind
        self.device = next(backbone.parameters()).device
        self.dtype = next(backbone.parameters()).dtype

    def hidden(self, ids: Sequence[Ids], places: Sequence[slice]) -> list[torch.Tensor]:
        """Hidden states (n_places, width) of each text at its `places`, in the model's dtype."""
        with inference_on(self.device):
            if self.kind == "packed":
                return self._packed(ids, places)
            return self._padded(ids, places)

    def _packed(self, ids: Sequence[Ids], places: Sequence[slice]) -> list[torch.Tensor]:
        lengths = tuple(len(row) for row in ids)
        tokens = np.stack([np.concatenate(ids), np.concatenate([np.arange(n) for n in lengths])])
        shared = shared_prefixes(ids)
        rows = firsts = None
        if shared is not None:
            tokens = tokens[:, shared.firsts]
            rows, firsts = self._tensor(shared.rows), self._tensor(shared.firsts)
        both = self._tensor(tokens)
        varlen = self.device.type == "cuda" and self.dtype in (torch.bfloat16, torch.float16)
        states = self.backbone(
            input_ids=both[:1],
            position_ids=both[1:],
            use_cache=False,  # a cache would let texts of a pack see each other
            text_lengths=lengths,
            text_rows=rows,
            row_tokens=firsts,
            cu_seq_lens=self._tensor(np.r_[0, np.cumsum(lengths)], np.int32) if varlen else None,
        ).last_hidden_state[0]
        if rows is None:
            return [row[at] for row, at in zip(states.split(lengths), places, strict=True)]
        wanted = [row[at] for row, at in zip(rows.split(lengths), places, strict=True)]
        return list(states[torch.cat(wanted).to(states.device)].split([len(w) for w in wanted]))

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

    def _tensor(self, array: Any, dtype: Any = np.int64) -> torch.Tensor:
        return to_device(array.astype(dtype), self.device)


def to_device(array: Any, device: torch.device) -> torch.Tensor:
    """A numpy array on a device; through page-locked memory a GPU need not be waited for."""
    tensor = torch.from_numpy(array)
    if device.type != "cuda":
        return tensor
    return tensor.pin_memory().to(device, non_blocking=True)


def default_tokens(
    kind: Kind, device: torch.device, config: dict[str, Any], *, weights: int = 0
) -> int:
    """The token budget to begin with.

    On a CPU a small one is best (measured: the caches hold it). On a GPU what memory should
    hold beside `weights` bytes, by a rough count of the activations of one layer, and halved on
    out-of-memory; not above the tokens at which matmuls are at full rate, because large batches
    are hard to share out evenly among GPUs.
    """
    if device.type != "cuda":
        return 2048 if kind == "packed" else 4096
    room = usable_memory(device) - weights
    width = int(config.get("hidden_size", 4096))
    inner = int(config.get("intermediate_size", 4 * width))
    per_token = 2 * (10 * width + 4 * inner)
    return max(4096, min(_MOST_TOKENS, int(0.6 * room) // per_token))
