"""Where a model runs and in which precision; resolved before any weight is read."""

from __future__ import annotations

from typing import Any

from harness.errors import MissingExtra, UsageError
from harness.models.base import ModelSettings


def require_torch() -> None:
    """One line instead of a traceback where the extra is not installed."""
    try:
        import torch  # noqa: F401
        import transformers  # noqa: F401
    except ImportError:
        raise MissingExtra("running a model", "hf") from None


def resolve_device(settings: ModelSettings) -> str:
    """cpu or cuda; asking for a CUDA device that is not there is an error."""
    import torch

    if settings.elsewhere:
        return settings.device
    there = torch.cuda.is_available()
    if settings.device == "auto":
        return "cuda" if there else "cpu"
    if settings.device == "cuda" and not there:
        raise UsageError("--device cuda: torch sees no CUDA device here")
    return settings.device


def lane_devices(device: str) -> tuple[str, ...]:
    """The devices that each hold a copy of a network: all visible GPUs, or the one processor.

    A GPU with less than half the free memory of the freest is left to whoever uses it.
    """
    import torch

    if device != "cuda":
        return (device,)
    names = [f"cuda:{number}" for number in range(torch.cuda.device_count())]
    room = {name: usable_memory(name) for name in names}
    return tuple(name for name in names if 2 * room[name] >= max(room.values()))


def usable_memory(device: Any) -> int:
    """Bytes of a GPU's memory that are free, or kept by this process for nothing in use."""
    import torch

    free, _ = torch.cuda.mem_get_info(device)
    kept = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    return int(free + kept)


def resolve_dtype(settings: ModelSettings, device: str, preferred: str) -> str:
    """`auto` is the recipe's precision on a GPU and float32 on a CPU."""
    if settings.dtype != "auto":
        return settings.dtype
    return "float32" if device == "cpu" else preferred


def hardware(device: str) -> dict[str, Any]:
    """What the manifest says of the machine: kind of device, its name, threads."""
    import platform

    import torch

    facts: dict[str, Any] = {
        "device": device,
        "machine": platform.machine(),
        "threads": torch.get_num_threads(),
    }
    if device == "cuda":
        facts["gpus"] = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    return facts
