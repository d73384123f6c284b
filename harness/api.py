"""The Python door: score a model that is already in memory, for instance between training steps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from harness.errors import UsageError
from harness.progress import Progress, Silent
from harness.records import Score


def evaluate(
    model: Any,
    tokenizer: Any,
    task: str,
    *,
    data: str | Path | None = None,
    judge: str | None = None,
    limit: int | float | None = None,
    seed: int = 0,
    max_batch_tokens: int | None = None,
    max_length: int | None = None,
    truncate: Literal["error", "left", "right"] = "error",
    genre_map: str | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Score a reward model on one preference task; nothing is written to disk.

    `model` is a transformers classifier (`*ForSequenceClassification`), bare or wrapped by peft
    or by data-parallel training, on any device; its training mode, gradients and attention
    implementation are as before afterwards. `task` is a task's name or YAML, `data` replaces
    its file, `judge` names a recipe. Returns what results.json of `harness run` holds
    (docs/design.md 4.4): `metrics`, `genres`, `tags` and what they were computed from. Raises
    HarnessError for what the caller can mend.
    """
    from harness.data import load_pairs
    from harness.request import RunRequest, resolve_tasks, select
    from harness.results import make_results, tables_in_memory
    from harness.scoring import ScoreTable, distinct_texts, score_texts, verdicts_from_scores
    from harness.specs import TaskSpec

    progress = progress or Silent()
    settings = _settings(model, judge, max_length, truncate, seed)
    request = RunRequest(tasks=(task,), model="", settings=settings, limit=limit)
    tasks = resolve_tasks(request)
    if len(tasks) != 1:
        raise UsageError(f"{task!r} is a group; evaluate takes one task at a time")
    spec, home = tasks[0].spec, tasks[0].home
    if not isinstance(spec, TaskSpec):
        raise UsageError(f"{task!r} is a writing task; evaluate scores pairs")
    dataset = load_pairs(
        spec,
        file=None if data is None else Path(data),
        genre_map=genre_map,
        home=home,
        progress=progress,
    )
    pairs = select(dataset.pairs, request)
    with _in_memory(model, tokenizer, settings) as scorer:
        texts = distinct_texts(pairs)
        scores = ScoreTable(len(texts))
        score_texts(
            texts,
            scorer,
            budget=scorer.budget(max_tokens=max_batch_tokens, max_texts=None),
            done=scores,
            write=_nowhere,
            progress=progress,
        )
    return make_results(
        spec,
        dataset,
        pairs,
        tables_in_memory(pairs, list(verdicts_from_scores(texts, scores, {}))),
        model={"name": scorer.name, "backend": scorer.backend, "dtype": scorer.network.dtype},
        judge=scorer.judge(),
        seed=seed,
    )


def _nowhere(_: Sequence[Score]) -> None:
    """Scores of a library call stay in memory."""


def _settings(
    model: Any, judge: str | None, max_length: int | None, truncate: Any, seed: int
) -> Any:
    from harness.models.base import ModelSettings
    from harness.models.device import require_torch

    require_torch()
    parameter = next(model.parameters())
    return ModelSettings(
        judge=judge,
        dtype=str(parameter.dtype).removeprefix("torch."),  # type: ignore[arg-type]
        device=parameter.device.type,
        max_length=max_length,
        truncate=truncate,
        seed=seed,
    )


@contextmanager
def _in_memory(model: Any, tokenizer: Any, settings: Any) -> Iterator[Any]:
    """The model as a scorer, lent: evaluation mode and our attention, then as it was."""
    from harness.models.attention import register
    from harness.models.checkpoint import Checkpoint
    from harness.models.recipes import choose_recipe
    from harness.models.reward import SequenceReward

    inner = _unwrapped(model)
    config = _config(inner)
    checkpoint = Checkpoint(Path("in memory"), type(inner).__name__, None, config)
    recipe = choose_recipe(checkpoint, settings)
    scorer = SequenceReward(checkpoint, recipe, settings, tokenizer=tokenizer)
    modes = {module: module.training for module in model.modules()}
    attention = inner.config._attn_implementation
    register()
    try:
        model.eval()
        inner.set_attn_implementation(scorer.network.attention)
        scorer.use(inner)
        yield scorer
    finally:
        inner.set_attn_implementation(attention)
        for module, training in modes.items():
            module.training = training


def _unwrapped(model: Any) -> Any:
    """The classifier inside data-parallel and peft wrappers."""
    while hasattr(model, "module"):
        model = model.module
    return model.get_base_model() if hasattr(model, "get_base_model") else model


def _config(model: Any) -> dict[str, Any]:
    return {**model.config.to_dict(), "architectures": [type(model).__name__]}
