"""What a run is asked to do: its settings, its tasks, and which pairs of them it takes."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from harness.errors import UsageError, unknown_name
from harness.models.base import ModelSettings
from harness.records import Orders, Pair
from harness.spec_files import is_path, load_any
from harness.specs import GroupSpec, TaskSpec


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

    @property
    def seed(self) -> int:
        """The one seed of a run."""
        return self.settings.seed


@dataclass(frozen=True, slots=True)
class Task:
    """A task of a run; `home` is the folder of its YAML where that was named by path."""

    spec: TaskSpec
    home: Path | None


def resolve_tasks(request: RunRequest) -> list[Task]:
    """The tasks named, groups opened, each once."""
    found: dict[str, Task] = {}
    for name in request.tasks:
        spec = load_any("tasks", name, (TaskSpec, GroupSpec), "task", request.include)
        home = Path(name).parent if is_path(name) else None
        if isinstance(spec, TaskSpec):
            found.setdefault(spec.name, Task(_checked(spec), home))
        elif isinstance(spec, GroupSpec):
            for member in spec.tasks:
                one = load_any("tasks", member, (TaskSpec,), "task", request.include)
                found.setdefault(one.name, Task(_checked(one), None))
    for name in request.data:
        if name not in found:
            raise UsageError("--data: " + unknown_name("task of this run", name, found))
    return list(found.values())


def _checked(spec: TaskSpec) -> TaskSpec:
    """A task whose metrics all exist: before hours of scoring, not after."""
    from harness.metrics.preference import METRICS

    for name in spec.metrics:
        if name not in METRICS:
            raise UsageError(f"task {spec.name}, metrics: " + unknown_name("metric", name, METRICS))
    return spec


def select(pairs: Sequence[Pair], request: RunRequest) -> tuple[Pair, ...]:
    """--genres and --limit. A limit takes the pairs of lowest sha256(seed, pair_id), so that it
    is a sample of the file and not its head, and the same one whatever the order of the rows."""
    known = sorted({pair.genre for pair in pairs})
    for genre in request.genres:
        if genre not in known:
            raise UsageError("--genres: " + unknown_name("genre", genre, known))
    kept = [pair for pair in pairs if not request.genres or pair.genre in request.genres]
    if request.limit is None:
        return tuple(kept)
    limit = request.limit
    count = int(limit) if isinstance(limit, int) else max(1, round(limit * len(kept)))
    ranked = sorted(kept, key=lambda pair: _rank(request.seed, pair.pair_id))
    wanted = {pair.pair_id for pair in ranked[:count]}
    return tuple(pair for pair in kept if pair.pair_id in wanted)


def _rank(seed: int, pair_id: str) -> bytes:
    return hashlib.sha256(f"{seed}\0{pair_id}".encode()).digest()


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
