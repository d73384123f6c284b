"""The main path of `harness train`: recipe, data, network, training, manifest, finished folder."""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.models.device import hardware
from harness.progress import Progress, Silent
from harness.records import canonical
from harness.specs import AnyTraining, RewardTraining, SftTraining
from harness.specs.training import MACHINE
from harness.training.card import model_card
from harness.training.curve import write_curve
from harness.training.folder import finished, open_folder, partial_of, write_json, write_jsonl
from harness.training.guard import quiet
from harness.training.network import Base, need_extra, open_base
from harness.training.pair_data import PairData, held_out_name
from harness.training.processes import Processes
from harness.training.recipe import Recipe, load_recipe
from harness.training.reward import fit_reward
from harness.training.sft import Fitted, Places, fit_sft
from harness.training.sft_data import SftData
from harness.training.tokenizer import CHAT_TEMPLATE
from harness.training.trainer import Machine, machine_of
from harness.versions import environment

SCHEMA = 2  # raised when this code would train another model from the same recipe and data
FACTS = "facts.json"


@dataclass(frozen=True, slots=True)
class Trained:
    """A finished training folder; `held_out` maps each task to the file of its held-out pairs."""

    folder: Path
    model: Path
    held_out: Mapping[str, Path]
    manifest: Mapping[str, Any]
    reused: bool


def train(
    name: str,
    *,
    output_path: Path,
    overrides: Sequence[str] = (),
    fresh: bool = False,
    progress: Progress | None = None,
) -> Trained:
    """Train the recipe of that name (or file) into `<output_path>/<recipe>/<8 hex>/`.

    The eight digits name settings and data: the same again finds the finished folder and
    returns it, or goes on from the last checkpoint; `fresh` starts over. `overrides` are
    `key=value`. Under `accelerate launch` every process calls this, and the first one alone
    reads, prints and writes. Raises what the recipe, the data and the training raise; the folder
    appears only when it is whole.
    """
    recipe = load_recipe(name, overrides)
    need_extra()
    processes = Processes(recipe.spec)
    heard: Progress = progress if progress is not None and processes.main else Silent()
    machine = machine_of(recipe.spec, processes.count)
    data = open_data(recipe, heard) if processes.main else None
    base = open_base(recipe.spec)  # the largest to fetch, and so the last
    identity = processes.share(
        None if data is None else identity_of(recipe.spec, base, machine, data)
    )
    assert identity is not None
    folder = output_path / recipe.spec.name / identity[:8]
    manifest = None if fresh else finished(folder)
    reused = manifest is not None
    if not reused:
        with _opened(folder, processes, fresh=fresh) as partial:
            _make(recipe, base, machine, data, identity, partial, processes, heard)
        processes.wait()
        manifest = finished(folder)
    assert manifest is not None
    spec = recipe.spec
    tasks = spec.data if isinstance(spec, RewardTraining) else {}
    held_out = {task: folder / held_out_name(task) for task in tasks}
    return Trained(folder, folder / "model", held_out, manifest, reused)


def open_data(recipe: Recipe, progress: Progress) -> SftData | PairData:
    """The data of a recipe of either kind, read and checked."""
    if isinstance(recipe.spec, SftTraining):
        return SftData(recipe.spec, recipe, progress)
    return PairData(recipe.spec, progress)


def identity_of(spec: AnyTraining, base: Base, machine: Machine, data: SftData | PairData) -> str:
    """sha256 over everything that changes the weights or the split, but for library versions.

    Data and base count by their contents, not by where they lie.
    """
    places = {"data", "base", "base_revision", "contamination_data"}
    whole = {
        "schema": SCHEMA,
        "settings": spec.model_dump(mode="json", exclude=set(MACHINE | places)),
        "base": None if base.checkpoint is None else base.checkpoint.fingerprint(),
        "compute_dtype": machine.compute_dtype,
        "chat_template": CHAT_TEMPLATE if base.checkpoint is None else None,
        "data": data.identity(),
    }
    return hashlib.sha256(canonical(whole).encode()).hexdigest()


@contextmanager
def _opened(folder: Path, processes: Processes, *, fresh: bool) -> Iterator[Path]:
    """The folder to write into; the first process makes, locks and renames it."""
    if not processes.main:
        yield partial_of(folder)
        return
    with open_folder(folder, fresh=fresh) as partial:
        yield partial


def _make(
    recipe: Recipe,
    base: Base,
    machine: Machine,
    data: SftData | PairData | None,
    identity: str,
    folder: Path,
    processes: Processes,
    progress: Progress,
) -> None:
    """Prepare, train, and write every file of the folder; the manifest comes last."""
    prepared = folder / "prepared"
    if data is not None:
        with quiet():
            _prepare(data, base, prepared, progress)
    processes.wait()
    facts = json.loads((prepared / FACTS).read_text(encoding="utf-8"))
    log = folder / "log.jsonl" if processes.main else None
    places = Places(prepared, folder / "checkpoints", folder / "model", folder / "adapter", log)
    began = time.monotonic()
    spec = recipe.spec
    if isinstance(spec, SftTraining):
        fitted = fit_sft(spec, base, places, machine, steps=facts["steps"], progress=progress)
    else:
        fitted = fit_reward(spec, base, places, machine, steps=facts["steps"], progress=progress)
    processes.wait()
    if not processes.main:
        return
    seconds = time.monotonic() - began
    manifest = _manifest(recipe, base, machine, identity, facts, fitted, seconds)
    write_jsonl(folder / "log.jsonl", list(fitted.log))
    if not write_curve(fitted.log, folder / "curve.png", title=spec.name):
        progress.notice("curve.png needs an extra: pip install 'writing-harness[plots]'")
    (places.model / "README.md").write_text(model_card(manifest), encoding="utf-8")
    for scratch in (prepared, places.checkpoints):
        shutil.rmtree(scratch, ignore_errors=True)
    manifest["files"] = {
        path.relative_to(folder).as_posix(): path.stat().st_size
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
    write_json(folder / "manifest.json", manifest)


def _prepare(data: SftData | PairData, base: Base, prepared: Path, progress: Progress) -> None:
    """Write the rows, unless an earlier process did; the facts come last."""
    if (prepared / FACTS).is_file():
        return
    shutil.rmtree(prepared, ignore_errors=True)
    prepared.mkdir(parents=True)
    facts = data.prepare(prepared, base)
    for line in mixture_lines(facts["mixture"]):
        progress.notice(line)
    write_json(prepared / FACTS, facts)


def mixture_lines(mixture: Mapping[str, Any]) -> list[str]:
    """What a mixture is made of, in words; nothing for pairs."""
    if "ratio_samples" not in mixture:
        return []
    from harness.training.mixture.mixture import ratio_line

    return ratio_line(mixture)


def _manifest(
    recipe: Recipe,
    base: Base,
    machine: Machine,
    identity: str,
    facts: Mapping[str, Any],
    fitted: Fitted,
    seconds: float,
) -> dict[str, Any]:
    rows = [row for row in fitted.log if "loss" in row]
    judged = [row for row in fitted.log if "eval_loss" in row]
    return {
        "schema": SCHEMA,
        "kind": recipe.spec.kind,
        "recipe": recipe.spec.name,
        "identity_sha256": identity,
        "settings": without_folders(recipe.spec.model_dump(mode="json")),
        "overrides": without_folders(dict(recipe.overrides)),
        "seed": recipe.spec.seed,
        "base": base.row(),
        "parameters": fitted.parameters,
        "trained_parameters": fitted.trained_parameters,
        **facts,
        "tokens": fitted.tokens,
        "compute_dtype": machine.compute_dtype,
        "processes": machine.processes,
        "first_loss": rows[0]["loss"] if rows else None,
        "last_loss": rows[-1]["loss"] if rows else None,
        "last_step": dict(rows[-1]) if rows else None,
        "first_eval_loss": judged[0]["eval_loss"] if judged else None,
        "last_eval_loss": judged[-1]["eval_loss"] if judged else None,
        "peak_memory_gib": fitted.peak_memory_gib,
        "tokens_per_second": fitted.tokens_per_second,
        **environment(),
        "hardware": hardware(machine.device) | _threads(recipe.spec),
        "wall_seconds": round(seconds, 3),
    }


def without_folders(value: Any) -> Any:
    """The same without this machine's folders: absolute paths by their last part.

    What lay there is known by its sum.
    """
    if isinstance(value, dict):
        return {key: without_folders(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [without_folders(inner) for inner in value]
    if isinstance(value, str) and value.startswith(("/", "./", "../", "~")):
        return Path(value).name
    return value


def _threads(spec: AnyTraining) -> dict[str, int]:
    return {} if spec.threads is None else {"threads": spec.threads}
