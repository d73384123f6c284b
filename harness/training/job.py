"""The main path of `harness train`: recipe, pairs, split, model, manifest, finished folder."""

from __future__ import annotations

import hashlib
import platform
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.data import Dataset, load_pairs
from harness.errors import UsageError
from harness.progress import Progress, Silent
from harness.records import Pair, Side, canonical
from harness.spec_files import load_named
from harness.specs import TaskSpec
from harness.training.folder import finished, new_folder, write_json, write_jsonl
from harness.training.recipe import RewardTraining, load_recipe
from harness.training.reward import TrainedModel, train_reward_model
from harness.training.split import Split, split_pairs
from harness.training.tokenizer import CHAT_TEMPLATE
from harness.versions import environment

SCHEMA = 1  # raised when this code would train another model from the same recipe and data


@dataclass(frozen=True, slots=True)
class Trained:
    """A finished training folder; `held_out` maps each task to the file of its held-out pairs."""

    folder: Path
    model: Path
    held_out: Mapping[str, Path]
    manifest: Mapping[str, Any]
    reused: bool


def train(
    name: str,
    *,
    output_path: Path,
    overrides: Sequence[str] = (),
    progress: Progress | None = None,
) -> Trained:
    """Train the recipe of that name (or file) into `<output_path>/<recipe>/<8 hex>/`.

    The eight digits name settings and data: the same again finds the finished folder and
    returns it. `overrides` are `key=value`. Raises what the recipe, the data and the training
    raise; the folder appears only when it is whole.
    """
    listener: Progress = progress or Silent()
    recipe, changed = load_recipe(name, overrides)
    data = {task: _load(task, source.file, listener) for task, source in recipe.data.items()}
    splits = split_pairs(
        {task: dataset.pairs for task, dataset in data.items()},
        held_out=recipe.held_out,
        seed=recipe.seed,
    )
    identity = identity_of(recipe, data)
    folder = output_path / recipe.name / identity[:8]
    manifest = finished(folder)
    reused = manifest is not None
    if manifest is None:
        manifest = {
            "schema": SCHEMA,
            "kind": recipe.kind,
            "recipe": recipe.name,
            "identity_sha256": identity,
            "settings": recipe.model_dump(mode="json"),
            "overrides": dict(changed),
            "seed": recipe.seed,
        }
        with new_folder(folder) as partial:
            manifest = _make(recipe, data, splits, manifest, partial, listener)
    held_out = {task: folder / _held_out_name(task) for task in recipe.data}
    return Trained(folder, folder / "model", held_out, manifest, reused)


def _load(task: str, file: str | None, progress: Progress) -> Dataset:
    spec = load_named("tasks", task, TaskSpec, "task")
    if file is None:
        return load_pairs(spec, progress=progress)
    if not Path(file).is_file():
        raise UsageError(f"--set data.{task}.file={file}: no such file")
    return load_pairs(spec, file=Path(file), progress=progress)


def identity_of(recipe: RewardTraining, data: Mapping[str, Dataset]) -> str:
    """sha256 over everything that changes the weights or the split, but for library versions.

    The data counts by its bytes, not by where it lies.
    """
    whole = {
        "schema": SCHEMA,
        "settings": recipe.model_dump(mode="json", exclude={"about", "data"}),
        "chat_template": CHAT_TEMPLATE,
        "data": {
            task: {
                "sha256": dataset.sha256,
                "genre_map": dataset.genre_map,
                "genre_map_sha256": dataset.genre_map_sha256,
            }
            for task, dataset in data.items()
        },
    }
    return hashlib.sha256(canonical(whole).encode()).hexdigest()


def _make(
    recipe: RewardTraining,
    data: Mapping[str, Dataset],
    splits: Mapping[str, Split],
    head: Mapping[str, Any],
    folder: Path,
    progress: Progress,
) -> dict[str, Any]:
    """Train and write every file of the folder; returns the manifest, which is written last."""
    began = time.monotonic()
    order = [(task, pair) for task in sorted(splits) for pair in splits[task].train]
    trained = train_reward_model(recipe, [pair for _, pair in order], folder / "model", progress)
    write_jsonl(folder / "log.jsonl", list(trained.log))
    for task, split in splits.items():
        write_json(folder / _held_out_name(task), [official_record(p) for p in split.held_out])
    tokens = dict.fromkeys(splits, 0)
    for (task, _), n in zip(order, trained.tokens, strict=True):
        tokens[task] += n
    manifest = dict(head) | {
        **_facts(trained),
        "mixture": {
            "sources": {
                task: _source(data[task], split, tokens[task]) for task, split in splits.items()
            }
        },
        **environment(),
        "hardware": {"machine": platform.machine(), "device": "cpu", "threads": 1},
        "wall_seconds": round(time.monotonic() - began, 3),
        "files": {
            path.relative_to(folder).as_posix(): path.stat().st_size
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        },
    }
    write_json(folder / "manifest.json", manifest)
    return manifest


def _facts(trained: TrainedModel) -> dict[str, Any]:
    last = trained.log[-1]
    return {
        "parameters": trained.parameters,
        "vocab_size": trained.vocab_size,
        "chat_template_sha256": trained.template_sha256,
        "steps": len(trained.log),
        "last_step": dict(last),
    }


def _source(dataset: Dataset, split: Split, tokens: int) -> dict[str, Any]:
    return {
        "n": len(split.train),
        "tokens": tokens,
        "sha256_ids": sha256_ids(split.train),
        "file": dataset.file,
        "sha256": dataset.sha256,
        "replaced": dataset.replaced,
        "held_out": {"n": len(split.held_out), "sha256_ids": sha256_ids(split.held_out)},
    }


def sha256_ids(pairs: Sequence[Pair]) -> str:
    """sha256 of the sorted pair ids joined by newlines."""
    return hashlib.sha256("\n".join(sorted(p.pair_id for p in pairs)).encode()).hexdigest()


def _held_out_name(task: str) -> str:
    return f"heldout_{task}.json"


def official_record(pair: Pair) -> dict[str, Any]:
    """The pair as WritingPreferenceBench writes it; counts that nobody uses are null."""
    return {
        "prompt": pair.prompt,
        "prompt_id": pair.prompt_id,
        "tag": pair.tag,
        "chosen": _official_side(pair.chosen),
        "rejected": _official_side(pair.rejected),
    }


def _official_side(side: Side) -> dict[str, Any]:
    return {
        "response": side.response,
        "score": side.score,
        "model": side.model,
        "completion_tokens": None,
        "prompt_tokens": None,
        "word_len": None,
    }
