"""Trains a small reward model from scratch on CPU with trl's RewardTrainer, the same each time."""

from __future__ import annotations

import logging
import math
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.errors import HarnessError, MissingExtra, ModelError
from harness.models.encode import Renderer
from harness.progress import Progress
from harness.records import Pair, candidate
from harness.specs import Input
from harness.training.recipe import RewardTraining
from harness.training.tokenizer import train_tokenizer

LOGGED = ("loss", "accuracy", "margin", "learning_rate")


@dataclass(frozen=True, slots=True)
class TrainedModel:
    """What a training was: `log` has one row a step, `tokens` one number a pair (both sides)."""

    parameters: int
    vocab_size: int
    template_sha256: str
    tokens: tuple[int, ...]
    log: tuple[dict[str, Any], ...]


def train_reward_model(
    recipe: RewardTraining, pairs: Sequence[Pair], folder: Path, progress: Progress
) -> TrainedModel:
    """Train on the pairs and save an ordinary checkpoint (model and tokenizer) into `folder`.

    The pairs' order is part of what is trained: give them sorted. One thread, so that sums are
    taken in the same order on any number of cores. Raises MissingExtra, ModelError for a text
    longer than the model, HarnessError where the loss is not a number.
    """
    _need_extra()
    with _quiet(), _one_thread():
        limit = recipe.model.max_position_embeddings
        texts = {text for pair in pairs for text in _texts(pair)}
        tokenizer = train_tokenizer(texts, vocab_size=recipe.tokenizer.vocab_size, max_length=limit)
        renderer = Renderer(tokenizer, Input(), recipe.name)
        rows = [_encode(pair, renderer) for pair in pairs]
        _refuse_long(pairs, rows, limit)
        model = _new_model(recipe, tokenizer)
        log = _fit(recipe, model, tokenizer, rows, progress)
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
    return TrainedModel(
        parameters=sum(weight.numel() for weight in model.parameters()),
        vocab_size=len(tokenizer),
        template_sha256=renderer.template_sha256(),
        tokens=tuple(len(row["chosen_ids"]) + len(row["rejected_ids"]) for row in rows),
        log=tuple(log),
    )


def _need_extra() -> None:
    try:
        import datasets  # noqa: F401
        import torch  # noqa: F401
        import transformers  # noqa: F401
        import trl  # noqa: F401
    except ImportError:
        raise MissingExtra("harness train", "train") from None


def _texts(pair: Pair) -> tuple[str, str, str]:
    return pair.prompt, pair.chosen.response, pair.rejected.response


def _encode(pair: Pair, renderer: Renderer) -> dict[str, list[int]]:
    """Token ids of both sides, made exactly as a run of the finished model makes them."""
    sides = [candidate(pair, side) for side in (pair.chosen, pair.rejected)]
    chosen, rejected = (ids.tolist() for ids in renderer.candidate_ids(sides))
    return {"chosen_ids": chosen, "rejected_ids": rejected}


def _refuse_long(pairs: Sequence[Pair], rows: Sequence[dict[str, list[int]]], limit: int) -> None:
    lengths = [max(map(len, row.values())) for row in rows]
    over = sum(length > limit for length in lengths)
    if over:
        worst = max(range(len(pairs)), key=lengths.__getitem__)
        raise ModelError(
            f"{over} of {len(pairs)} training pairs are longer than the recipe's model "
            f"({limit} tokens); the longest, in row {pairs[worst].row}, has {lengths[worst]}: "
            f"--set model.max_position_embeddings={lengths[worst]} makes room"
        )


def _new_model(recipe: RewardTraining, tokenizer: Any) -> Any:
    import torch
    from transformers import Qwen2Config, Qwen2ForSequenceClassification

    config = Qwen2Config(
        vocab_size=len(tokenizer),
        pad_token_id=tokenizer.pad_token_id,
        eos_token_id=tokenizer.eos_token_id,
        bos_token_id=None,
        num_labels=1,
        **recipe.model.model_dump(),
    )
    torch.manual_seed(recipe.seed)
    return Qwen2ForSequenceClassification(config)


def _fit(
    recipe: RewardTraining,
    model: Any,
    tokenizer: Any,
    rows: list[dict[str, list[int]]],
    progress: Progress,
) -> list[dict[str, Any]]:
    """Run trl's trainer over the encoded pairs; returns one log row a step."""
    from datasets import Dataset
    from transformers import PrinterCallback
    from trl import RewardConfig, RewardTrainer

    with tempfile.TemporaryDirectory() as scratch:
        trainer = RewardTrainer(
            model=model,
            args=RewardConfig(output_dir=scratch, **_arguments(recipe)),
            train_dataset=Dataset.from_list(rows),
            processing_class=tokenizer,
            callbacks=[_steps(progress)],
        )
        trainer.remove_callback(PrinterCallback)
        progress.start(f"training {recipe.name}", recipe.max_steps, "steps")
        try:
            trainer.train()
        finally:
            progress.finish()
    logged = [row for row in trainer.state.log_history if "loss" in row]
    return [{"step": row["step"]} | {k: row[k] for k in LOGGED if k in row} for row in logged]


def _arguments(recipe: RewardTraining) -> dict[str, Any]:
    """What trl's RewardConfig is told."""
    return {
        "seed": recipe.seed,
        "max_steps": recipe.max_steps,
        "per_device_train_batch_size": recipe.batch_size,
        "learning_rate": recipe.learning_rate,
        "warmup_steps": recipe.warmup_steps,
        "weight_decay": recipe.weight_decay,
        "lr_scheduler_type": "linear",
        "max_length": None,  # too long a text is an error here, never left out
        "use_cpu": True,
        "bf16": False,
        "gradient_checkpointing": False,
        "dataloader_pin_memory": False,
        "logging_steps": 1,
        "logging_nan_inf_filter": False,
        "save_strategy": "no",
        "report_to": "none",
        "disable_tqdm": True,
    }


def _steps(progress: Progress) -> Any:
    """A callback that counts steps and stops at a loss that is not a number."""
    from transformers import TrainerCallback

    class Steps(TrainerCallback):  # type: ignore[misc]
        def on_step_end(self, *_: Any, **__: Any) -> None:
            progress.advance(1)

        def on_log(self, args: Any, state: Any, *_: Any, logs: Any, **__: Any) -> None:
            loss = logs.get("loss")
            if loss is not None and not math.isfinite(float(loss)):
                raise HarnessError(
                    f"step {state.global_step}: the loss is {loss}; try a smaller learning rate "
                    f"(--set learning_rate={args.learning_rate / 10:g})"
                )

    return Steps()


@contextmanager
def _one_thread() -> Iterator[None]:
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def _quiet() -> Iterator[None]:
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
