"""What a run is asked to do: its settings, its tasks, and which pairs of them it takes."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeVar

from harness.errors import UsageError, unknown_name
from harness.models.base import ModelSettings
from harness.records import Orders, Pair, Prompt
from harness.spec_files import is_path, load_any
from harness.specs import AnyTask, GroupSpec, TaskSpec, WritingSpec

Item = TypeVar("Item", Pair, Prompt)


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


def select(items: Sequence[Item], request: RunRequest) -> tuple[Item, ...]:
    """--genres and --limit. A limit takes the pairs (or prompts) of lowest sha256(seed, id), so
    that it is a sample of the file and not its head, and the same one whatever the order of the
    rows."""
    known = sorted({item.genre for item in items})
    for genre in request.genres:
        if genre not in known:
            raise UsageError("--genres: " + unknown_name("genre", genre, known))
    kept = [item for item in items if not request.genres or item.genre in request.genres]
    if request.limit is None:
        return tuple(kept)
    limit = request.limit
    count = int(limit) if isinstance(limit, int) else max(1, round(limit * len(kept)))
    ranked = sorted(kept, key=lambda item: _rank(request.seed, _id(item)))
    wanted = {_id(item) for item in ranked[:count]}
    return tuple(item for item in kept if _id(item) in wanted)


def _id(item: Pair | Prompt) -> str:
    return item.pair_id if isinstance(item, Pair) else item.prompt_id


def _rank(seed: int, name: str) -> bytes:
    return hashlib.sha256(f"{seed}\0{name}".encode()).digest()


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
