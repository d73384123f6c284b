"""The key-value cache of rows that are answered together: rows leave it, others join it.

All rows end at the same column, the newest, and shorter ones are padded on the left. A cache is
therefore made wider or narrower on its left side alone. Written against the layers of
transformers' DynamicCache; what other layers hold is not touched, so models that have some are
answered one at a time (`can_batch`).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch.nn.functional import pad

# by name: not every version of transformers has all of them
_LAYERS = ("DynamicLayer", "DynamicSlidingWindowLayer", "LinearAttentionLayer", "DummyLayer")


def new_cache(config: Any) -> Any:
    """An empty cache for a model of this configuration, with windows where its layers have some."""
    from transformers import DynamicCache

    return DynamicCache(config=config.get_text_config(decoder=True))


def can_batch(cache: Any) -> bool:
    """Whether every layer of a (still empty) cache is of a kind known here."""
    kinds = {(type(layer).__module__, type(layer).__name__) for layer in cache.layers}
    return bool(kinds) and kinds <= {("transformers.cache_utils", name) for name in _LAYERS}


def keep_rows(cache: Any, rows: Sequence[int]) -> None:
    """Leave only these rows, in this order."""
    cache.reorder_cache(torch.tensor(rows))


def set_width(cache: Any, width: int) -> None:
    """Add empty columns on the left, or take away columns that no row uses."""
    for layer in _with_columns(cache):
        held = width
        if layer.is_sliding:  # such a layer holds the newest window - 1 columns, and counts all
            held = min(width, layer.sliding_window - 1)
            layer.cumulative_length = width
        missing = held - layer.keys.shape[-2]
        if missing > 0:
            layer.keys = pad(layer.keys, (0, 0, missing, 0))
            layer.values = pad(layer.values, (0, 0, missing, 0))
        elif missing < 0:
            layer.keys = layer.keys[:, :, -missing:]
            layer.values = layer.values[:, :, -missing:]


def join_rows(cache: Any, other: Any) -> None:
    """Add the rows of another cache of the same width behind those of this one."""
    for layer, more in zip(cache.layers, other.layers, strict=True):
        for name in ("keys", "values", "conv_states", "recurrent_states"):
            if hasattr(layer, name):
                setattr(layer, name, _joined(getattr(layer, name), getattr(more, name)))


def _joined(state: Any, more: Any) -> Any:
    if isinstance(state, dict):  # a layer may have several states of a kind
        return {key: _joined(value, more[key]) for key, value in state.items()}
    return None if state is None else torch.cat([state, more])


def _with_columns(cache: Any) -> list[Any]:
    """The layers that keep something a token: neither linear attention nor shared layers do."""
    return [layer for layer in cache.layers if getattr(layer, "keys", None) is not None]


def bytes_per_token(cache: Any) -> float:
    """Memory that a row takes for each of its columns."""
    tensors = [tensor for layer in _with_columns(cache) for tensor in (layer.keys, layer.values)]
    cells: int = tensors[0].shape[0] * max(tensor.shape[-2] for tensor in tensors)
    total: int = sum(tensor.numel() * tensor.element_size() for tensor in tensors)
    return total / cells


def free_bytes(cache: Any) -> int | None:
    """Memory left where the cache lies, that of freed tensors included; None if unknown."""
    free = 0
    for device in {layer.keys.device for layer in _with_columns(cache)}:
        if device.type == "cuda":
            unused = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
            free += torch.cuda.mem_get_info(device)[0] + unused
        else:
            free += _free_ram() or 0
    return free or None


def _free_ram() -> int | None:
    """Memory this process can still have, by Linux' own estimate; not known on other systems."""
    table, group = Path("/proc/meminfo"), Path("/sys/fs/cgroup")
    if not table.is_file():
        return None
    lines = (line.split() for line in table.read_text().splitlines())
    free = next((int(line[1]) * 1024 for line in lines if line[0] == "MemAvailable:"), None)
    try:  # a container may have less than the machine
        limit, used = (
            (group / f"memory.{name}").read_text().strip() for name in ("max", "current")
        )
    except OSError:
        return free
    return free if limit == "max" or free is None else min(free, int(limit) - int(used))
