"""Tiny trainings of writers: rows of one's own, and the settings that make them take seconds."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from harness.training.job import Trained, train

SMALL = (
    "contamination=none",
    "data.general_zh.n=0", "data.general_zh.eval_n=0", "data.general_en.n=0",
    "data.general_en.eval_n=0", "data.creative.eval_n=2", "data.creative.n=16",
    "tokenizer.vocab_size=400", "max_length=256", "max_steps=8", "global_batch_size=4",
    "micro_batch_size=2", "save_steps=3",
    "model={hidden_size: 16, intermediate_size: 32, num_hidden_layers: 1, num_attention_heads: 2, "
    "num_key_value_heads: 1, max_position_embeddings: 256}",
)  # fmt: skip
WORDS = ("雨停了", "灯还亮着", "他没有说话", "桥下的水慢慢地走", "风把门推开一条缝", "旧信在抽屉里")


def rows(n: int = 24) -> list[dict[str, str]]:
    """Rows that are like no other: query, thought and answer."""
    found = []
    for i in range(n):
        a, b, c = (WORDS[(i * step + shift) % 6] for step, shift in ((1, 0), (5, 1), (i, 2)))
        answer = f"{a}，{b}。第{i}次，{c}。" + f"{i * 7919 % 1000}号门前，{WORDS[i * i % 6]}。"
        found.append({"query": f"写第{i}篇，题目是{b}", "thought": f"想{a}与{i}", "answer": answer})
    return found


def rows_file(folder: Path, made: Sequence[dict[str, str]] | None = None) -> Path:
    """The rows as JSONL."""
    file = folder / "rows.jsonl"
    lines = [json.dumps(row, ensure_ascii=False) for row in (rows() if made is None else made)]
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file


def small(file: Path, output_path: Path, more: Sequence[str] = ()) -> Trained:
    """A writer of sixteen rows, trained for eight steps."""
    overrides = [f"data.creative.file={file}", *SMALL, *more]
    return train("demo", output_path=output_path, overrides=overrides)


def weights(trained: Trained) -> str:
    """What the trained weights are, as a sum."""
    return hashlib.sha256((trained.model / "model.safetensors").read_bytes()).hexdigest()


def log(trained: Trained) -> list[dict[str, Any]]:
    """The rows of log.jsonl."""
    lines = (trained.folder / "log.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def command(file: Path, output_path: Path, *more: str) -> list[str]:
    """The same as a command line."""
    overrides = [f"data.creative.file={file}", *SMALL, *more]
    flags = [f"--set={text}" for text in overrides]
    return [
        sys.executable,
        "-m",
        "harness",
        "train",
        "demo",
        *flags,
        "--output_path",
        str(output_path),
    ]
