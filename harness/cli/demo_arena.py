"""The demo's second half: who of the two authors writes better, by the model just trained."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.arena import ArenaResult
    from harness.models.base import ModelSettings
    from harness.training.job import Trained


def run_arena(trained: Trained, settings: ModelSettings, output_path: Path) -> ArenaResult:
    """Measure both authors' texts for the held-out prompts, then let the model judge them."""
    from harness.arena import ArenaRequest, judged_arena
    from harness.request import RunRequest
    from harness.runner import run

    folders: list[Path] = []
    for task, pairs in trained.held_out.items():
        writing = task.replace("demo_", "demo_writing_")
        texts = _texts(pairs, output_path / f"{writing}_texts.jsonl")
        request = RunRequest(
            tasks=(writing,),
            model=f"texts:{texts}",
            settings=settings,
            data={writing: pairs},
            output_path=output_path,
        )
        folders += [result.folder for result in run(request)]
    judge = RunRequest(
        tasks=(),
        model=f"hf:{trained.model}",
        model_args="name=demo_reward",
        settings=settings,
        output_path=output_path,
    )
    return judged_arena(ArenaRequest(runs=tuple(folders), asked=judge))


def _texts(pairs: Path, file: Path) -> Path:
    """Both sides of a file of pairs as texts: a row a text, each once."""
    from harness.data.rows import parse_rows
    from harness.store import write_atomic

    rows: dict[str, dict[str, Any]] = {}
    for row in parse_rows(pairs.read_bytes(), str(pairs)):
        for side in (row.value["chosen"], row.value["rejected"]):
            one = {key: side[key] for key in ("model", "response", "score")}
            one["prompt_id"] = row.value["prompt_id"]
            rows.setdefault(json.dumps(one, ensure_ascii=False, sort_keys=True), one)
    write_atomic(file, "".join(f"{line}\n" for line in rows))
    return file
