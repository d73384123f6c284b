"""What a reward model is trained on: pairs of tasks, split by cluster, as rows of token ids."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from harness.data import Dataset, load_pairs
from harness.errors import ModelError, UsageError
from harness.models.encode import Renderer
from harness.progress import Progress
from harness.records import Pair, Side, candidate, sha256_ids
from harness.spec_files import load_named
from harness.specs import Input, RewardTraining, TaskSpec
from harness.training.folder import write_json
from harness.training.network import Base, make_tokenizer
from harness.training.split import split_pairs
from harness.training.trainer import steps_of


class PairData:
    """The pairs of a recipe's tasks, read, checked and split."""

    def __init__(self, spec: RewardTraining, progress: Progress) -> None:
        self.spec, self.progress = spec, progress
        self.sets = {task: _load(task, one.file, progress) for task, one in spec.data.items()}
        self.splits = split_pairs(
            {task: dataset.pairs for task, dataset in self.sets.items()},
            held_out=spec.held_out,
            seed=spec.seed,
        )

    def identity(self) -> dict[str, Any]:
        """What the data adds to the identity: bytes, not places."""
        return {
            task: {
                "sha256": dataset.sha256,
                "genre_map": dataset.genre_map,
                "genre_map_sha256": dataset.genre_map_sha256,
            }
            for task, dataset in self.sets.items()
        }

    def prepare(self, folder: Path, base: Base) -> dict[str, Any]:
        """Tokenise and write `tokenizer/`, `train/` and `eval/`, and beside the folder the
        held-out pairs of each task; returns the facts a manifest wants.

        The evaluation rows are the held-out ones. ModelError for a text longer than max_length.
        """
        from datasets import Dataset as Rows

        pairs = [(task, pair) for task in sorted(self.splits) for pair in self.splits[task].train]
        texts = (text for _, pair in pairs for text in _texts(pair))
        tokenizer = make_tokenizer(self.spec, base, texts)
        renderer = Renderer(tokenizer, Input(), base.where)
        rows = [_encode(pair, renderer) for _, pair in pairs]
        held = [pair for task in sorted(self.splits) for pair in self.splits[task].held_out]
        held_rows = [_encode(pair, renderer) for pair in held]
        _refuse_long([pair for _, pair in pairs], rows, self.spec.max_length)
        _refuse_long(held, held_rows, self.spec.max_length)
        tokenizer.save_pretrained(folder / "tokenizer")
        Rows.from_list(rows).save_to_disk(folder / "train")
        Rows.from_list(held_rows).save_to_disk(folder / "eval")
        for task, split in self.splits.items():
            records = [official_record(pair) for pair in split.held_out]
            write_json(folder.parent / held_out_name(task), records)
        tokens = dict.fromkeys(self.splits, 0)
        for (task, _), row in zip(pairs, rows, strict=True):
            tokens[task] += len(row["chosen_ids"]) + len(row["rejected_ids"])
        return {
            "samples": len(rows),
            "steps": steps_of(self.spec, len(rows)),
            "tokens_per_epoch": sum(tokens.values()),
            "vocab_size": len(tokenizer),
            "chat_template_sha256": renderer.template_sha256(),
            "mixture": {"sources": {task: self._source(task, tokens[task]) for task in tokens}},
        }

    def _source(self, task: str, tokens: int) -> dict[str, Any]:
        dataset, split = self.sets[task], self.splits[task]
        return {
            "n": len(split.train),
            "tokens": tokens,
            "sha256_ids": sha256_ids([pair.pair_id for pair in split.train]),
            "file": dataset.file,
            "sha256": dataset.sha256,
            "replaced": dataset.replaced,
            "held_out": {
                "n": len(split.held_out),
                "sha256_ids": sha256_ids([pair.pair_id for pair in split.held_out]),
            },
        }


def held_out_name(task: str) -> str:
    """The file of a task's held-out pairs, in the folder of the training."""
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


def _load(task: str, file: str | None, progress: Progress) -> Dataset:
    spec = load_named("tasks", task, TaskSpec, "task")
    if file is None:
        return load_pairs(spec, progress=progress)
    if not Path(file).is_file():
        raise UsageError(f"--set data.{task}.file={file}: no such file")
    return load_pairs(spec, file=Path(file), progress=progress)


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
            f"{over} of {len(pairs)} pairs are longer than max_length ({limit} tokens); the "
            f"longest, in row {pairs[worst].row}, has {lengths[worst]}: --set max_length="
            f"{lengths[worst]} makes room (from scratch, model.max_position_embeddings, too)"
        )
