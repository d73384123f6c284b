"""Fine-tunes a writing model on prepared rows with trl's SFTTrainer."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from harness.errors import HarnessError
from harness.progress import Progress
from harness.records import Triplet
from harness.specs import SftTraining, Training
from harness.training.adapters import clean_adapter, lora_config
from harness.training.guard import guarded, quiet, threads
from harness.training.network import Base, make_model
from harness.training.order import Order, in_order, make_order
from harness.training.targets import Targets
from harness.training.trainer import (
    Machine,
    arguments,
    evaluate_every,
    last_checkpoint,
    listener,
    log_rows,
)


@dataclass(frozen=True, slots=True)
class Fitted:
    """What a training came to: its log, and the network's size."""

    log: tuple[dict[str, Any], ...]
    parameters: int
    trained_parameters: int
    tokens: int
    tokens_per_second: float | None  # of this session, evaluations and all
    peak_memory_gib: float | None


@dataclass(frozen=True, slots=True)
class Places:
    """Where a training reads and writes; `log` is null on all but the main process."""

    prepared: Path
    checkpoints: Path
    model: Path
    adapter: Path
    log: Path | None


def examples(targets: Targets, rows: Sequence[Triplet], *, pack_to: int | None = None) -> Any:
    """The rows as trl takes them: `input_ids` and `labels`, a sample each.

    With `pack_to`, rows are put together up to so many tokens by best fit, and a pack is a
    sample; no row is cut for it, and `seq_lengths` tells them apart.
    """
    from datasets import Dataset
    from trl import pack_dataset

    made = [targets.example(row) for row in rows]
    data = Dataset.from_list(
        [{"input_ids": one.ids.tolist(), "labels": one.labels()} for one in made]
    )
    return data if pack_to is None else pack_dataset(data, pack_to, "bfd")


def fit_sft(
    spec: SftTraining,
    base: Base,
    places: Places,
    machine: Machine,
    *,
    steps: int,
    progress: Progress,
) -> Fitted:
    """Train on the prepared rows and save an ordinary checkpoint; every process calls it.

    Goes on from the newest whole checkpoint. Raises HarnessError for a loss that is not a
    number, and where memory or disk run out, with advice.
    """
    from datasets import load_from_disk
    from trl import SFTConfig, SFTTrainer

    with quiet(), threads(spec.threads), guarded(spec, places.checkpoints):
        tokenizer = prepared_tokenizer(places.prepared)
        model = make_model(spec, base, tokenizer, head=False)
        parameters = sum(weight.numel() for weight in model.parameters())
        rows = load_from_disk(places.prepared / "train")
        lengths = np.array([len(ids) for ids in rows["input_ids"]], np.int64)
        order = make_order(lengths, batch=spec.global_batch_size, steps=steps, seed=spec.seed)
        held = places.prepared / "eval"
        evaluation = load_from_disk(held) if held.is_dir() else None
        checkpoint = last_checkpoint(places.checkpoints)
        told = arguments(
            spec,
            machine,
            places.checkpoints,
            steps=steps,
            every=None if evaluation is None else evaluate_every(spec, len(rows)),
            resumed=checkpoint is not None,
        )
        trainer = SFTTrainer(
            model=model,
            args=SFTConfig(
                **told,
                train_sampling_strategy="sequential",
                max_length=spec.max_length,
                packing=spec.packing,
                eval_packing=False,
                dataset_kwargs={"skip_prepare_dataset": True},
            ),
            train_dataset=in_order(rows, order, tokenizer.pad_token_id),
            eval_dataset=evaluation,
            processing_class=tokenizer,
            peft_config=lora_config(spec, "CAUSAL_LM"),
            callbacks=[listener(progress, places.log, steps, order)],
        )
        return run_trainer(
            trainer, spec, base, places, machine, parameters, checkpoint, progress, order
        )


def run_trainer(
    trainer: Any,
    spec: Training,
    base: Base,
    places: Places,
    machine: Machine,
    parameters: int,
    checkpoint: Path | None,
    progress: Progress,
    order: Order | None = None,
) -> Fitted:
    """Train from `checkpoint` on, save, and say what it came to; the same for both kinds."""
    import torch
    from transformers import PrinterCallback

    _same_way(trainer, checkpoint)
    trainer.remove_callback(PrinterCallback)
    trained = sum(w.numel() for w in trainer.model.parameters() if w.requires_grad)
    steps = trainer.args.max_steps
    progress.start(f"training {spec.name}", steps, "steps")
    try:
        began = time.monotonic()
        trainer.train(resume_from_checkpoint=None if checkpoint is None else str(checkpoint))
        seconds = time.monotonic() - began
        ended = any(
            "eval_loss" in row and row["step"] == steps for row in trainer.state.log_history
        )
        if trainer.eval_dataset is not None and not ended:
            trainer.evaluate()
    finally:
        progress.finish()
    adapted = spec.lora is not None
    trainer.save_model(str(places.adapter if adapted else places.model))
    if trainer.is_world_process_zero():
        finish_model(spec, base, places, machine, adapted=adapted)
    peak = None
    if machine.device == "cuda":
        peak = round(torch.cuda.max_memory_allocated() / 2**30, 2)
    rows = log_rows(trainer.state.log_history, order)
    tokens = int(trainer.state.num_input_tokens_seen if order is None else order.tokens[-1])
    done = 0 if checkpoint is None else int(checkpoint.name.partition("-")[2])
    return Fitted(
        log=tuple(rows),
        parameters=parameters,
        trained_parameters=trained,
        tokens=tokens,
        tokens_per_second=round(tokens * (1 - done / steps) / seconds, 1) if done < steps else None,
        peak_memory_gib=peak,
    )


def _same_way(trainer: Any, checkpoint: Path | None) -> None:
    """HarnessError where a checkpoint of sharded weights meets whole ones, or the other way."""
    if checkpoint is None:
        return
    sharded = any(checkpoint.glob("pytorch_model_fsdp*"))
    if sharded != trainer.is_fsdp_enabled:
        how = "with FSDP" if sharded else "without FSDP"
        raise HarnessError(
            f"the checkpoint at step {checkpoint.name.partition('-')[2]} was made {how}; start the "
            "same way as then to go on from it, or start over with --fresh"
        )


def finish_model(
    spec: Training, base: Base, places: Places, machine: Machine, *, adapted: bool
) -> None:
    """Make `model/` an ordinary checkpoint: adapters merged, weights in the precision of use."""
    import torch

    saved = places.adapter if adapted else places.model
    (saved / "training_args.bin").unlink(missing_ok=True)  # a pickle of this machine's settings
    if adapted:
        clean_adapter(saved, base)
    half = machine.compute_dtype == "bfloat16" and spec.weights_dtype == "float32"
    if not adapted and not half:
        return
    tokenizer = prepared_tokenizer(places.prepared)
    head = spec.kind == "reward"  # type: ignore[attr-defined]
    if adapted:
        from peft import PeftModel

        model = make_model(spec, base, tokenizer, head=head)
        model = PeftModel.from_pretrained(model, places.adapter).merge_and_unload()
    else:
        import transformers as tf

        kind = tf.AutoModelForSequenceClassification if head else tf.AutoModelForCausalLM
        model = kind.from_pretrained(places.model, local_files_only=True)
    if half:
        model = model.to(torch.bfloat16)
    model.save_pretrained(places.model)
    tokenizer.save_pretrained(places.model)


def prepared_tokenizer(folder: Path) -> Any:
    """The tokenizer as the main process wrote it down."""
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(folder / "tokenizer", local_files_only=True)
