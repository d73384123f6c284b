"""What runs of either kind share: their result, prices, and the beginning of a manifest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.data import Dataset, PromptSet
from harness.errors import HarnessError
from harness.jobs import SHOWN, Prices, read_prices
from harness.models import MODELS, AnyModel, WroteElsewhere
from harness.models.ref import parse_model
from harness.progress import Progress
from harness.request import RunRequest, request_settings
from harness.specs import AnyTask
from harness.store import Folder, identity_sha256
from harness.versions import environment


@dataclass(frozen=True, slots=True)
class RunResult:
    """A finished run: its folder, results and manifest, and whether it stood there already."""

    folder: Path
    results: dict[str, Any]
    manifest: dict[str, Any]
    reused: bool


def prices_of(model: AnyModel, request: RunRequest) -> Prices | None:
    """What a model's tokens cost, if a --price_file says so."""
    if request.price_file is None:
        return None
    what = parse_model(request.model, request.model_args, tuple(MODELS)).what
    return read_prices(request.price_file, (model.name, what))


def tell(task: str, data: Dataset | PromptSet, progress: Progress) -> None:
    """What a reader of the task's data has to say, and the first rows it left out."""
    for message in (*data.notices, *data.dropped[:SHOWN]):
        progress.notice(f"{task}: {message}")
    if data.dropped_rows > SHOWN:
        progress.notice(f"{task}: ... {data.dropped_rows - SHOWN:,} more rows left out")


def model_row(model: AnyModel | WroteElsewhere) -> dict[str, Any]:
    """The model of results.json."""
    facts = model.facts()
    return {
        "name": model.name,
        "backend": model.backend,
        "revision": facts.get("revision"),
        "dtype": facts.get("dtype"),
    }


def refuse_other_device(folder: Folder, device: str) -> None:
    """HarnessError where a folder was begun on another kind of device."""
    before = folder.manifest.get("device")
    if before not in (None, device):
        raise HarnessError(
            f"{folder.path}: begun on {before}, and this is {device}; numbers of two kinds of "
            "device do not mix: choose with --device, or start over with --fresh"
        )


def begin(
    folder: Folder,
    spec: AnyTask,
    identity: Mapping[str, Any],
    model: AnyModel | WroteElsewhere,
    request: RunRequest,
    *,
    counts: Mapping[str, int],
    **more: Any,
) -> None:
    """The manifest, before the first number; a resumed run keeps what it has."""
    folder.save_manifest(
        schema=1,
        status="running",
        task=spec.name,
        identity=dict(identity),
        identity_sha256=identity_sha256(identity),
        device=model.device,
        model={"name": model.name, "backend": model.backend, **model.facts()},
        metrics=list(spec.metrics),
        settings=request_settings(request),
        counts={**folder.manifest.get("counts", {}), **counts},
        wall_seconds=folder.manifest.get("wall_seconds", 0.0),
        attempts=folder.manifest.get("attempts", 0) + 1,
        **more,
        **environment(),
    )
