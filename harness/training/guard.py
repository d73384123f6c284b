"""Runs the training libraries quietly, and turns what can go wrong there into advice."""

from __future__ import annotations

import logging
import shutil
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.errors import HarnessError
from harness.specs import Training

_MEMORY = ("out of memory", "can't allocate memory", "cannot allocate memory")
# what torch and safetensors say when a write fails, instead of an OSError
_WRITES = ("no space left", "file write failed", "pytorchstreamwriter", "enforce fail at inline")
_SMALL = 64 << 20  # with less than this free, a failed write failed for want of space


@contextmanager
def guarded(spec: Training, folder: Path) -> Iterator[None]:
    """HarnessError with a way out where memory or the disk under `folder` ran out."""
    import torch
    from safetensors import SafetensorError

    try:
        yield
    except (torch.OutOfMemoryError, MemoryError) as error:
        raise HarnessError(_memory_advice(spec)) from error
    except ValueError as error:  # peft's word for names that no module has
        if spec.lora is None or "target" not in str(error).lower():
            raise
        first = str(error).strip().splitlines()[0]
        raise HarnessError(f"lora.targets {', '.join(spec.lora.targets)}: {first}") from error
    except (RuntimeError, OSError, SafetensorError) as error:
        text = str(error).lower()
        if any(mark in text for mark in _MEMORY):
            raise HarnessError(_memory_advice(spec)) from error
        if any(mark in text for mark in _WRITES) and _full(folder):
            raise HarnessError(
                f"{folder.parent}: no space left; make room, or name another place by "
                "--output_path; the same command goes on from the last checkpoint"
            ) from error
        raise


def _full(folder: Path) -> bool:
    place = next(path for path in (folder, *folder.parents) if path.exists())
    return shutil.disk_usage(place).free < _SMALL


def _memory_advice(spec: Training) -> str:
    ways = []
    if spec.micro_batch_size > 1:
        ways.append("--set micro_batch_size=1 (the global batch stays)")
    if not spec.gradient_checkpointing:
        ways.append("--set gradient_checkpointing=true")
    ways += [
        "more processes with FSDP (the command `harness train --dry_run` prints)",
        "--set weights_dtype=bfloat16",
        f"--set max_length={max(1, spec.max_length // 2)}",
    ]
    if spec.lora is None and spec.base is not None:
        ways.append("--set lora.r=16 (adapters in place of all weights)")
    return "out of memory; what helps, the first two without changing the result: " + "; ".join(
        ways
    )


@contextmanager
def threads(count: int | None) -> Iterator[None]:
    """So many CPU threads inside; with one, sums are taken in the same order on any machine."""
    import torch

    before = torch.get_num_threads()
    if count is not None:
        torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def quiet() -> Iterator[None]:
    """Silence the libraries' bars, logs and warnings, and the count of users they send home."""
    import datasets
    import transformers
    from huggingface_hub import constants

    sends, constants.HF_HUB_DISABLE_TELEMETRY = constants.HF_HUB_DISABLE_TELEMETRY, True
    level = transformers.logging.get_verbosity()
    bars = transformers.logging.is_progress_bar_enabled()
    maps = datasets.utils.are_progress_bars_disabled()
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    datasets.disable_progress_bars()
    disabled = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(disabled)
        constants.HF_HUB_DISABLE_TELEMETRY = sends
        transformers.logging.set_verbosity(level)
        if bars:
            transformers.logging.enable_progress_bar()
        if not maps:
            datasets.enable_progress_bars()
