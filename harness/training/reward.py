"""Trains a reward model on prepared pairs with trl's RewardTrainer."""

from __future__ import annotations

from harness.progress import Progress
from harness.specs import RewardTraining
from harness.training.adapters import lora_config
from harness.training.guard import guarded, quiet, threads
from harness.training.network import Base, make_model
from harness.training.sft import Fitted, Places, prepared_tokenizer, run_trainer
from harness.training.trainer import Machine, arguments, evaluate_every, last_checkpoint, listener


def fit_reward(
    spec: RewardTraining,
    base: Base,
    places: Places,
    machine: Machine,
    *,
    steps: int,
    progress: Progress,
) -> Fitted:
    """Train on the prepared pairs and save an ordinary checkpoint; every process calls it.

    The head gives one number; the loss is -log sigmoid(chosen - rejected). Goes on, fails and
    advises as `fit_sft` does.
    """
    from datasets import load_from_disk
    from trl import RewardConfig, RewardTrainer

    with quiet(), threads(spec.threads), guarded(spec, places.checkpoints):
        tokenizer = prepared_tokenizer(places.prepared)
        model = make_model(spec, base, tokenizer, head=True)
        parameters = sum(weight.numel() for weight in model.parameters())
        rows = load_from_disk(places.prepared / "train")
        checkpoint = last_checkpoint(places.checkpoints)
        told = arguments(
            spec,
            machine,
            places.checkpoints,
            steps=steps,
            every=evaluate_every(spec, len(rows)),
            resumed=checkpoint is not None,
        )
        trainer = RewardTrainer(
            model=model,
            args=RewardConfig(**told, max_length=None),  # too long a text is an error here
            train_dataset=rows,
            eval_dataset=load_from_disk(places.prepared / "eval"),
            processing_class=tokenizer,
            peft_config=lora_config(spec, "SEQ_CLS"),
            callbacks=[listener(progress, places.log, steps)],
        )
        return run_trainer(trainer, spec, base, places, machine, parameters, checkpoint, progress)
