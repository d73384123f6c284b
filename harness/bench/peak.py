"""What this machine can do at best: the rate of a plain matmul, over sizes and kernels."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

Matmul = Callable[[], Any]


def matmul_peak(device: str, dtype: str) -> float:
    """The best rate of a square matmul, in operations a second.

    On a CPU the better of torch's default kernel and oneDNN's, which differ by half in float32
    on some processors; both compute in the precision asked for.
    """
    best = 0.0
    for size in (1024, 2048) if device == "cpu" else (4096, 8192, 12288):
        for matmul in kernels(size, device, dtype):
            for _ in range(6):
                settle(device)
                began = time.perf_counter()
                matmul()
                settle(device)
                best = max(best, 2.0 * size**3 / (time.perf_counter() - began))
    return best


def kernels(size: int, device: str, dtype: str) -> Iterator[Matmul]:
    """The ways to multiply two square matrices here; all multiply the same two."""
    import torch

    a = torch.randn(size, size, device=device).to(getattr(torch, dtype))
    b = torch.randn(size, size, device=device).to(getattr(torch, dtype))
    yield lambda: a @ b
    if device == "cpu" and dtype == "float32" and torch.backends.mkldnn.is_available():
        left, right = a.to_mkldnn(), b.T.contiguous().to_mkldnn()

        def one_dnn() -> Any:
            with torch.inference_mode():
                return torch._C._nn.mkldnn_linear(left, right)

        yield one_dnn


def settle(device: str) -> None:
    """Wait until the device has done all it was given."""
    import torch

    if device == "cuda":
        torch.cuda.synchronize()
