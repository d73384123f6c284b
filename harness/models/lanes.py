"""Copies of a network, one a device, which score batches of their own at the same time."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from itertools import chain
from threading import Lock
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Lanes(Generic[T]):
    """What scores on each device, by lane; loaded when it is first asked for, by any thread."""

    def __init__(self, load: Callable[[], Sequence[T]]) -> None:
        self._load = load
        self._lock = Lock()
        self._loaded: Sequence[T] | None = None

    def __getitem__(self, lane: int) -> T:
        return self.warm()[lane]

    def warm(self) -> Sequence[T]:
        """Load all of them; a thread that comes meanwhile waits."""
        with self._lock:
            if self._loaded is None:
                self._loaded = self._load()
            return self._loaded


def copies(model: Any, devices: Sequence[str]) -> list[Any]:
    """The model itself, on the first device, and a copy of it on each of the others.

    Weights go from device to device, so a checkpoint is read once. Lanes of one device share
    them.
    """
    return [model, *(_copy(model, device) for device in devices[1:])]


def _copy(model: Any, device: str) -> Any:
    import torch

    moved: dict[int, Any] = {}
    for tensor in chain(model.parameters(), model.buffers()):
        there = tensor.detach().to(device)
        if isinstance(tensor, torch.nn.Parameter):
            there = torch.nn.Parameter(there, requires_grad=False)
        moved[id(tensor)] = there
    # deepcopy takes what stands in its memo for the copy of a tensor
    return copy.deepcopy(model, moved)
