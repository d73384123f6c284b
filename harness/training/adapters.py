"""Low-rank adapters: how they are made, and what peft writes down of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from harness.specs import Training
from harness.training.network import Base


def clean_adapter(adapter: Path, base: Base) -> None:
    """Take this machine's folders out of what peft wrote: its card, and where the base lay."""
    (adapter / "README.md").unlink(missing_ok=True)
    file = adapter / "adapter_config.json"
    config = json.loads(file.read_text(encoding="utf-8"))
    config["base_model_name_or_path"] = base.checkpoint.name if base.checkpoint else None
    file.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def lora_config(spec: Training, task: str) -> Any:
    """peft's configuration, or None for a training of all weights."""
    if spec.lora is None:
        return None
    from peft import LoraConfig

    targets = list(spec.lora.targets)
    return LoraConfig(
        r=spec.lora.r,
        lora_alpha=spec.lora.alpha,
        lora_dropout=spec.lora.dropout,
        target_modules=targets[0] if targets == ["all-linear"] else targets,
        task_type=task,
    )
