"""lm-eval over our tasks in this process, beside our own road, for the tests of this folder."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
import tiny

from harness.bundled import PACKAGE
from harness.models.base import ModelSettings
from harness.request import RunRequest
from harness.runner import RunResult, run

lm_eval = pytest.importorskip("lm_eval", reason="needs the lm-eval extra")
from lm_eval.tasks import TaskManager  # noqa: E402

TASKS = PACKAGE / "lm_eval_tasks"


def save_model(folder: Path, tokenizer: Any, *, dtype: str = "float32", **changes: Any) -> Path:
    """A tiny causal Qwen2 of random weights with this tokenizer."""
    changes = {"max_position_embeddings": 8192, **changes}
    model = tiny.tiny_model("qwen2", "ForCausalLM", **changes)
    model.to(getattr(tiny.torch, dtype)).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def manager(**metadata: Any) -> Any:
    """lm-eval's index of our tasks alone."""
    return TaskManager(include_path=str(TASKS), include_defaults=False, metadata=metadata)


def evaluate(
    model: Path,
    tasks: Iterable[str],
    *,
    metadata: dict[str, Any] | None = None,
    limit: int | None = None,
    **model_args: Any,
) -> dict[str, Any]:
    """What lm-eval says of a checkpoint, computed in float32 unless told other."""
    args = {"pretrained": str(model), "dtype": "float32", **model_args}
    found = lm_eval.simple_evaluate(
        model="hf",
        model_args=args,
        tasks=list(tasks),
        task_manager=manager(**args, **(metadata or {})),
        batch_size=8,
        device="cpu",
        limit=limit,
        bootstrap_iters=0,
    )
    assert found is not None
    return dict(found)


def samples(found: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """lm-eval's samples of pairs by pair_id."""
    rows = (row for own in found["samples"].values() for row in own)
    return {row["doc"]["pair_id"]: row for row in rows if row["doc"]["pair_id"]}


def our_run(
    model: Path,
    out: Path,
    task: str,
    *,
    data: Path | None = None,
    judge: str | None = None,
    dtype: str = "float32",
    **changes: Any,
) -> RunResult:
    """`harness run --model likelihood:PATH,norm=sum`."""
    request = RunRequest(
        tasks=(task,),
        model=f"likelihood:{model},norm=sum",
        data={} if data is None else {task: data},
        output_path=out,
        settings=ModelSettings(judge=judge, dtype=dtype, device="cpu"),  # type: ignore[arg-type]
        **changes,
    )
    [result] = run(request)
    return result


def stored(folder: Path, name: str) -> list[dict[str, Any]]:
    """The lines of a JSONL file of a run folder."""
    return [json.loads(line) for line in (folder / name).read_text("utf-8").split("\n")[:-1]]


def our_sums(result: RunResult) -> dict[str, tuple[float, float]]:
    """The scores of the chosen and of the rejected text, by pair_id."""
    scores = {row["id"]: row["score"] for row in stored(result.folder, "scores.jsonl")}
    return {
        row["pair_id"]: (scores[row["chosen_id"]], scores[row["rejected_id"]])
        for row in stored(result.folder, "pairs.jsonl")
    }


def their_sums(row: dict[str, Any]) -> tuple[float, float]:
    """The same of a sample of lm-eval, straight from its responses."""
    doc, sums = row["doc"], [float(resp[0][0]) for resp in row["resps"]]
    both = [
        sums[place] - (sums[border] if border >= 0 else 0.0)
        for place, border in enumerate(doc["borders"])
    ]
    return both[doc["gold"]], both[1 - doc["gold"]]
