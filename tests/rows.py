"""Records in the official format, made for tests."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

TAGS = ["诗歌", "议论文", "日常故事", "散文"]


def side(text: str, score: float | None = 2, model: str | None = "m") -> dict[str, Any]:
    return {
        "response": text,
        "score": score,
        "model": model,
        "completion_tokens": None,
        "prompt_tokens": None,
        "word_len": len(text),
    }


def row(
    prompt: str, chosen: str, rejected: str, tag: str = "诗歌", prompt_id: str | None = None
) -> dict[str, Any]:
    return {
        "prompt": prompt,
        "prompt_id": prompt_id or prompt,
        "tag": tag,
        "chosen": side(chosen, 3),
        "rejected": side(rejected, 1),
    }


def rows(count: int, *, seed: int = 0, words: int = 40) -> list[dict[str, Any]]:
    """Pairs of random words, two a prompt, lengths spread."""
    rng = random.Random(seed)
    vocabulary = ["rain", "kept", "its", "appointment", "雨", "像", "旧信", "一封", "窗", "window"]

    def text() -> str:
        return " ".join(rng.choice(vocabulary) for _ in range(rng.randint(3, words)))

    return [
        row(f"prompt {number // 2}", f"{text()} {number}a", f"{text()} {number}b", TAGS[number % 4])
        for number in range(count)
    ]


def write_rows(path: Path, records: list[Any]) -> Path:
    """As a JSON list."""
    path.write_text(json.dumps(records, ensure_ascii=False), encoding="utf-8")
    return path
