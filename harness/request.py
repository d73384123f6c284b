"""What a run is asked to do: its settings, its tasks, and which pairs of them it takes."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeGuard, overload

import numpy as np
from numpy.typing import NDArray

from harness.data.columns import columns, taken
from harness.data.strings import Strings
from harness.errors import UsageError, unknown_name
from harness.executors import Workers
from harness.models.base import ModelSettings
from harness.records import Orders, Pair, Prompt
from harness.spec_files import is_path, load_any
from harness.specs import AnyTask, GroupSpec, TaskSpec, WritingSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRequest:
    """Everything `harness run` takes, checked types, defaults as on the command line."""

    tasks: tuple[str, ...]
    model: str
    model_args: str | None = None
    settings: ModelSettings = field(default_factory=ModelSettings)
    data: Mapping[str, Path] = field(default_factory=dict)
    genres: tuple[str, ...] = ()
    limit: int | float | None = None
    orders: Orders = "both"
    gen_kwargs: str | None = None
    price_file: Path | None = None
    max_errors: int | None = None
    output_path: Path = Path("results")
    fresh: bool = False
    bad_rows: Literal["refuse", "drop"] = "refuse"
    genre_map: str | None = None
    include: tuple[Path, ...] = ()
    processes: int = 1  # for measuring texts; the numbers do not depend on it
    workers: Workers | None = None  # who does the model's work; the numbers do not depend on it

    @property
    def seed(self) -> int:
        """The one seed of a run."""
        return self.settings.seed


@dataclass(frozen=True, slots=True)
class Task:
    """A task of a run; `home` is the folder of its YAML where that was named by path."""

    spec: AnyTask
    home: Path | None


def resolve_tasks(request: RunRequest) -> list[Task]:
    """The tasks named, groups opened, each once."""
    found: dict[str, Task] = {}
    for name in request.tasks:
        spec = load_any("tasks", name, (*_KINDS, GroupSpec), "task", request.include)
        if isinstance(spec, GroupSpec):
            for member in spec.tasks:
                one = load_any("tasks", member, _KINDS, "task", request.include)
                found.setdefault(one.name, Task(_checked(one), None))
        else:
            assert isinstance(spec, TaskSpec | WritingSpec)
            home = Path(name).parent if is_path(name) else None
            found.setdefault(spec.name, Task(_checked(spec), home))
    for name in request.data:
        if name not in found:
            raise UsageError("--data: " + unknown_name("task of this run", name, found))
    return list(found.values())


_KINDS: tuple[type[AnyTask], ...] = (TaskSpec, WritingSpec)


def _checked(spec: AnyTask) -> AnyTask:
    """A task whose metrics all exist: before hours of scoring, not after."""
    known = metric_names(spec)
    for name in spec.metrics:
        if name not in known:
            raise UsageError(f"task {spec.name}, metrics: " + unknown_name("metric", name, known))
    return spec


def metric_names(spec: AnyTask) -> tuple[str, ...]:
    """The metrics that a task of this kind may name."""
    from harness.metrics.preference import METRICS
    from harness.metrics.writing import WRITING_METRICS

    return tuple(METRICS if isinstance(spec, TaskSpec) else WRITING_METRICS)


@overload
def select(items: Sequence[Pair], request: RunRequest) -> Sequence[Pair]: ...
@overload
def select(items: Sequence[Prompt], request: RunRequest) -> tuple[Prompt, ...]: ...
def select(
    items: Sequence[Pair] | Sequence[Prompt], request: RunRequest
) -> Sequence[Pair] | tuple[Prompt, ...]:
    """--genres and --limit. A limit takes the pairs (or prompts) of lowest sha256(seed, id), so
    that it is a sample of the file and not its head, and the same one whatever the order of the
    rows. Pairs that stay in their file give pairs that do."""
    codes, genres, ids = _genres_and_ids(items)
    for genre in request.genres:
        if genre not in genres:
            raise UsageError("--genres: " + unknown_name("genre", genre, genres))
    rows = np.arange(len(items))
    if request.genres:
        rows = np.flatnonzero(np.isin(codes, [genres.index(one) for one in request.genres]))
    if request.limit is not None:
        limit = request.limit
        count = int(limit) if isinstance(limit, int) else max(1, round(limit * len(rows)))
        rows = np.sort(rows[_lowest((ids[row] for row in rows.tolist()), request.seed, count)])
    if _are_pairs(items):
        return taken(items, rows)
    prompts = _prompts(items)
    return tuple(prompts[row] for row in rows.tolist())


def _are_pairs(items: Sequence[Pair] | Sequence[Prompt]) -> TypeGuard[Sequence[Pair]]:
    return not items or isinstance(items[0], Pair)


def _prompts(items: Sequence[Pair] | Sequence[Prompt]) -> list[Prompt]:
    return [item for item in items if isinstance(item, Prompt)]


def _genres_and_ids(
    items: Sequence[Pair] | Sequence[Prompt],
) -> tuple[NDArray[Any], tuple[str, ...], Sequence[str] | Strings]:
    """The genre of each item as a place in the sorted names, these, and the ids of the items."""
    if _are_pairs(items):
        known = columns(items)
        return known.genre, known.genres, known.pair_id
    prompts = _prompts(items)
    genres = tuple(sorted({prompt.genre for prompt in prompts}))
    codes = np.array([genres.index(prompt.genre) for prompt in prompts], np.int32)
    return codes, genres, [prompt.prompt_id for prompt in prompts]


def _lowest(names: Iterable[str], seed: int, count: int) -> NDArray[np.int64]:
    """The places of the `count` names of lowest sha256(seed, name)."""
    # 32 bytes a name in one block: numpy compares them as bytes
    ranks = b"".join(hashlib.sha256(f"{seed}\0{name}".encode()).digest() for name in names)
    return np.argsort(np.frombuffer(ranks, "S32"), kind="stable")[:count]


def request_settings(request: RunRequest) -> dict[str, Any]:
    """The resolved settings of a run as JSON, without paths: data files by their base names."""
    settings = dataclasses.asdict(request.settings)
    settings["include"] = [path.name for path in request.settings.include]
    return {
        **settings,
        "model_args": request.model_args,
        "data": {task: path.name for task, path in request.data.items()},
        "genres": list(request.genres),
        "limit": request.limit,
        "orders": request.orders,
        "gen_kwargs": request.gen_kwargs,
        "bad_rows": request.bad_rows,
        "genre_map": request.genre_map,
    }
