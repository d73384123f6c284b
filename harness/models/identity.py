"""Fingerprints of what a model is made of beside its checkpoint."""

from __future__ import annotations

from pathlib import Path

from harness.errors import UsageError
from harness.models.checkpoint import Checkpoint


def adapter_fingerprint(adapter: str | None) -> str | None:
    """sha256 of a LoRA folder, as of a checkpoint; None without one."""
    if adapter is None:
        return None
    folder = Path(adapter)
    if not (folder / "adapter_config.json").is_file():
        raise UsageError(f"--model_args peft={adapter}: no adapter_config.json there")
    return Checkpoint(folder, adapter, None, {}).fingerprint()
