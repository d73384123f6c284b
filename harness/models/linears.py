"""float32 linear layers at the rate of the processor: oneDNN's kernels where torch's are slower."""

from __future__ import annotations

import platform
from functools import cache
from pathlib import Path
from typing import Any

import torch

_ROWS = 2048  # tokens of a usual batch: what the layout of the weights is chosen for


@cache
def onednn_pays() -> bool:
    """Whether float32 linears go through oneDNN here; the same answer for every run on a machine.

    torch's own float32 matmul is MKL's, which leaves AVX-512 unused on processors that are not
    Intel's. A rule and not a timing, so that a score never depends on what else was running.
    """
    if torch.backends.cpu.get_cpu_capability() != "AVX512" or not torch.backends.mkl.is_available():
        return False
    return "AuthenticAMD" in _processor() and torch.backends.mkldnn.is_available() and _works()


def _processor() -> str:
    known = Path("/proc/cpuinfo")
    if known.is_file():
        return known.read_text(encoding="utf-8", errors="replace")[:4096]
    return platform.processor()


def _works() -> bool:
    """Whether the operators, which torch gives no public name, are there and right."""
    layer = torch.nn.Linear(48, 80)
    rows = torch.linspace(-1.0, 1.0, 7 * 48).view(7, 48)
    try:
        with torch.inference_mode():
            found = Prepacked(layer)(rows)
            return bool(torch.allclose(found, layer(rows), rtol=1e-5, atol=1e-5))
    except (AttributeError, RuntimeError, TypeError):
        return False


class Prepacked(torch.nn.Module):  # type: ignore[misc]  # torch is Any to mypy
    """A float32 linear layer for inference on a CPU, its weight in oneDNN's own layout."""

    def __init__(self, layer: torch.nn.Linear) -> None:
        super().__init__()
        weight = layer.weight.detach()
        self._weight = torch.ops.mkldnn._reorder_linear_weight(weight, _ROWS)
        self._bias = None if layer.bias is None else layer.bias.detach()

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        """(..., in) float32 -> (..., out)."""
        out: torch.Tensor = torch.ops.mkldnn._linear_pointwise(
            rows, self._weight, self._bias, "none", [], ""
        )
        return out


def prepack(module: Any) -> None:
    """Put every plain linear layer inside a module through oneDNN; its own weights are let go."""
    for name, child in module.named_children():
        if type(child) is torch.nn.Linear:
            setattr(module, name, Prepacked(child))
        else:
            prepack(child)
