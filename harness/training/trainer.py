"""What both trainings share: trl's arguments, checkpoints to go on from, and what is logged."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.errors import HarnessError, UsageError
from harness.progress import Progress
from harness.records import canonical
from harness.specs import Training
from harness.training.order import Order

# what trl and transformers call it -> what log.jsonl does
LOGGED = {
    "loss": "loss",
    "eval_loss": "eval_loss",
    "accuracy": "accuracy",
    "margin": "margin",
    "eval_accuracy": "eval_accuracy",
    "learning_rate": "learning_rate",
    "grad_norm": "grad_norm",
    "num_input_tokens_seen": "tokens",
}


@dataclass(frozen=True, slots=True)
class Machine:
    """How a training runs here: resolved device and precision, processes, micro-batches a step."""

    device: str
    compute_dtype: str
    processes: int
    accumulation: int


def machine_of(spec: Training, processes: int) -> Machine:
    """What the recipe's settings come to on this machine; UsageError for what it has not got."""
    import torch

    there = torch.cuda.is_available()
    if spec.device == "cuda" and not there:
        raise UsageError("device cuda: torch sees no CUDA device here; --set device=cpu")
    device = "cuda" if there and spec.device != "cpu" else "cpu"
    together = spec.micro_batch_size * processes
    if spec.global_batch_size % together:
        raise UsageError(
            f"global_batch_size {spec.global_batch_size} is no multiple of micro_batch_size "
            f"{spec.micro_batch_size} x {processes} processes; --set micro_batch_size=1, or "
            f"another number of processes"
        )
    dtype = spec.compute_dtype
    if dtype == "auto":
        dtype = "float32" if device == "cpu" else "bfloat16"
    return Machine(device, dtype, processes, spec.global_batch_size // together)


def arguments(
    spec: Training, machine: Machine, folder: Path, *, steps: int, every: int | None, resumed: bool
) -> dict[str, Any]:
    """What trl's configurations of both kinds are told; checkpoints go to `folder`.

    Evaluation comes before the first step and after `every` so many (null: none), always one row
    at a time: the mean over rows does not move with the batch size.
    """
    if spec.warmup_steps is not None:
        warmup: float = spec.warmup_steps
    else:
        warmup = math.ceil(spec.warmup_ratio * steps)
    checking = spec.gradient_checkpointing
    return {
        "output_dir": str(folder),
        "seed": spec.seed,
        "data_seed": spec.seed,
        "max_steps": steps,
        "per_device_train_batch_size": spec.micro_batch_size,
        "per_device_eval_batch_size": 1,
        "gradient_accumulation_steps": machine.accumulation,
        "optim": "adamw_torch",
        "learning_rate": spec.learning_rate,
        "lr_scheduler_type": spec.lr_scheduler,
        "warmup_steps": warmup,
        "weight_decay": spec.weight_decay,
        "max_grad_norm": spec.max_grad_norm,
        "use_cpu": machine.device == "cpu",
        "bf16": machine.compute_dtype == "bfloat16" and spec.weights_dtype == "float32",
        "gradient_checkpointing": checking,
        "gradient_checkpointing_kwargs": {"use_reentrant": False} if checking else None,
        # gradients that wait for the last micro-batch would lie unsharded on every GPU
        "accelerator_config": {"gradient_accumulation_kwargs": {"sync_each_batch": fsdp()}},
        "dataloader_pin_memory": machine.device == "cuda",
        "ddp_timeout": 7200,
        "ddp_find_unused_parameters": False,
        "logging_steps": spec.logging_steps,
        "logging_nan_inf_filter": False,
        "include_num_input_tokens_seen": "non_padding",
        "eval_strategy": "no" if every is None else "steps",
        "eval_steps": every,
        "eval_on_start": every is not None and not resumed,
        "save_strategy": "no" if spec.save_steps is None else "steps",
        "save_steps": spec.save_steps or 1,
        "save_total_limit": 1,
        "report_to": "none",
        "disable_tqdm": True,
    }


def fsdp() -> bool:
    """Whether the launcher asked for sharding."""
    return os.environ.get("ACCELERATE_USE_FSDP", "").lower() == "true"


def evaluate_every(spec: Training, rows: int) -> int:
    """Steps between two evaluations: as the recipe says, or an epoch."""
    return spec.eval_steps or math.ceil(rows / spec.global_batch_size)


def steps_of(spec: Training, rows: int) -> int:
    """Optimiser steps over that many samples (or packs); a last smaller batch is a step as well."""
    if spec.max_steps is not None:
        return spec.max_steps
    return math.ceil(spec.epochs * math.ceil(rows / spec.global_batch_size))


def last_checkpoint(folder: Path) -> Path | None:
    """The newest whole checkpoint; its state is written last, so that a torn one has none."""
    whole = []
    for path in folder.glob("checkpoint-*"):
        try:
            state = json.loads((path / "trainer_state.json").read_text(encoding="utf-8"))
            whole.append((int(state["global_step"]), path))
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return max(whole)[1] if whole else None


def log_rows(
    history: Sequence[Mapping[str, Any]], order: Order | None = None
) -> list[dict[str, Any]]:
    """The rows of log.jsonl from a trainer's history, a row a logged step or evaluation.

    Where the `order` is ours, epochs and tokens are those of its rows, without blanks.
    """
    found = []
    for entry in history:
        if "loss" not in entry and "eval_loss" not in entry:
            continue  # the sum at the end
        row: dict[str, Any] = {"step": entry["step"], "epoch": round(entry.get("epoch", 0.0), 6)}
        for name, ours in LOGGED.items():
            if name in entry and not (ours == "tokens" and "loss" not in entry):
                value = entry[name]
                row[ours] = int(value) if ours == "tokens" else value
        if order is not None:
            row["epoch"] = order.epoch(row["step"])
            if "tokens" in row:
                row["tokens"] = int(order.tokens[row["step"] - 1])
        found.append(row)
    return found


def listener(progress: Progress, file: Path | None, steps: int, order: Order | None = None) -> Any:
    """A callback that shows progress, keeps log.jsonl up to date, and stops at a loss of NaN.

    Only the main process has a `file`.
    """
    from transformers import TrainerCallback

    class Listener(TrainerCallback):  # type: ignore[misc]
        def on_train_begin(self, args: Any, state: Any, *_: Any, **__: Any) -> None:
            if file is not None:
                lines = [canonical(row) + "\n" for row in log_rows(state.log_history, order)]
                file.write_text("".join(lines), encoding="utf-8")
            if state.global_step:
                progress.notice(f"going on from step {state.global_step:,} of {steps:,}")
                progress.advance(state.global_step)

        def on_step_end(self, *_: Any, **__: Any) -> None:
            progress.advance(1)

        def on_log(self, args: Any, state: Any, *_: Any, logs: Any, **__: Any) -> None:
            for key in ("loss", "eval_loss"):
                if key in logs and not math.isfinite(float(logs[key])):
                    raise HarnessError(
                        f"step {state.global_step}: the {key.replace('_', ' ')} is {logs[key]}; "
                        f"try a smaller learning rate (--set learning_rate="
                        f"{args.learning_rate / 10:g}), a longer warm-up or compute_dtype=float32"
                    )
            if file is not None:
                with file.open("a", encoding="utf-8") as stream:
                    rows = log_rows([{**logs, "step": state.global_step}], order)
                    stream.writelines(canonical(row) + "\n" for row in rows)

    return Listener()
