"""Prompts, texts and runs of writing tasks, made for tests."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from harness.request import RunRequest
from harness.runner import RunResult, run

TASK = {"zh": "coig_writer_zh", "en": "coig_writer_en"}
TAGS = ["诗歌", "议论文", "日常故事", "散文"]
WORDS = {
    "zh": ["雨", "下得", "像", "一封", "旧信", "窗外", "有人", "走过", "桥", "灯", "亮着", "夜里"],
    "en": ["rain", "fell", "like", "an", "old", "letter", "someone", "crossed", "the", "bridge"],
}


def prompts(count: int, language: str = "zh") -> list[dict[str, Any]]:
    """Rows of `prompt_id, prompt, tag`."""
    about = {"zh": "请写一写第{}个雨夜。", "en": "Write about rainy night number {}."}[language]
    return [
        {"prompt_id": f"p{number}", "prompt": about.format(number), "tag": TAGS[number % 4]}
        for number in range(count)
    ]


def texts(
    models: Iterable[str], count: int, language: str = "zh", *, seed: int = 0, length: int = 80
) -> list[dict[str, Any]]:
    """Rows of `prompt_id, model, response`: random words, each model with lengths of its own."""
    joint = "" if language == "zh" else " "
    found = []
    for place, model in enumerate(models):
        rng = random.Random(f"{seed} {model}")
        for number in range(count):
            size = rng.randint(length // 2, length) + 10 * place
            words = joint.join(rng.choice(WORDS[language]) for _ in range(size))
            found.append({"prompt_id": f"p{number}", "model": model, "response": words})
    return found


def jsonl(path: Path, rows: Iterable[Mapping[str, Any]]) -> Path:
    """As JSON lines."""
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    path.write_text(text, encoding="utf-8")
    return path


def write_runs(
    folder: Path,
    rows: list[dict[str, Any]],
    count: int,
    language: str = "zh",
    **changes: Any,
) -> list[RunResult]:
    """The runs of a file of texts over `count` prompts, a folder a model, below `folder`/out."""
    folder.mkdir(parents=True, exist_ok=True)
    task = TASK[language]
    return run(
        RunRequest(
            tasks=(task,),
            model=f"texts:{jsonl(folder / f'texts-{language}.jsonl', rows)}",
            data={task: jsonl(folder / f"prompts-{language}.jsonl", prompts(count, language))},
            output_path=folder / "out",
            **changes,
        )
    )


def stored(folder: Path, name: str) -> list[dict[str, Any]]:
    """The lines of a JSONL file of a run folder."""
    text = (folder / name).read_text(encoding="utf-8")
    return [json.loads(line) for line in text.split("\n")[:-1]]
