"""What a training would be, before it is one: steps, tokens, GPU hours, and what is not at hand."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.progress import Progress, Silent
from harness.specs import RewardTraining, SftTraining, Training, TripletSource
from harness.training.at_hand import base_at_hand, data_gaps
from harness.training.estimate import (
    KNOWN,
    Assumptions,
    about,
    gpu_hours,
    memory_line,
    parameters_of,
    training_flops,
)
from harness.training.folder import finished
from harness.training.guard import quiet
from harness.training.job import identity_of, mixture_lines
from harness.training.launch import launch_command
from harness.training.mixture.ratio import CREATIVE, wanted
from harness.training.network import Base, need_extra
from harness.training.pair_data import PairData
from harness.training.recipe import Recipe, load_recipe
from harness.training.sft_data import SftData
from harness.training.trainer import machine_of, steps_of

PLACE = Path("results/train")  # where trainings go unless told otherwise


@dataclass(frozen=True, slots=True)
class Plan:
    """A training before it is begun.

    `tokens` are those of all epochs (of a part of an epoch its share); not `exact`, they are the
    most there can be (every row as long as max_length). Null is what cannot be known before
    `missing` is at hand. `launch` is empty where there is nothing to spread over GPUs.
    """

    recipe: str
    folder: Path | None
    finished: bool
    steps: int | None
    tokens: int | None
    exact: bool
    missing: tuple[str, ...]
    parameters: int | None
    gpu_hours: float | None
    assumed: Assumptions
    sources: Mapping[str, int | None]
    mixture: tuple[str, ...]
    memory: str
    launch: str

    @property
    def line(self) -> str:
        """The numbers in one line."""
        steps = "? steps" if self.steps is None else f"{self.steps:,} steps"
        most = "" if self.exact else "at most "
        tokens = "? tokens" if self.tokens is None else f"{most}{self.tokens:,} tokens"
        if self.gpu_hours is None:
            return f"{steps}, {tokens}, ? GPU hours"
        share = f"{100 * self.assumed.mfu:.0f} % of {self.assumed.peak_tflops:g} TFLOP/s"
        gpu = f" ({share}, {self.assumed.gpu})" if self.assumed.gpu else f" ({share})"
        return f"{steps}, {tokens}, {about(self.gpu_hours, most or 'about ')} GPU hours{gpu}"

    def lines(self) -> list[str]:
        """What `harness train --dry_run` prints."""
        size = "?" if self.parameters is None else f"{self.parameters:,}"
        rows = ", ".join(
            f"{name} {'all' if n is None else format(n, ',')}" for name, n in self.sources.items()
        )
        found = [f"{self.recipe}: {size} parameters; rows: {rows}", *self.mixture, self.line]
        if self.folder is not None:
            found.append(f"{'finished' if self.finished else 'would be written'}: {self.folder}")
        found += [f"not at hand: {one}" for one in self.missing]
        found.append(self.memory)
        return [*found, "several GPUs, one node:", f"  {self.launch}"] if self.launch else found


def plan(
    name: str,
    *,
    output_path: Path,
    overrides: Sequence[str] = (),
    assumptions: Assumptions | None = None,
    progress: Progress | None = None,
) -> Plan:
    """The plan of a recipe; nothing is downloaded. Raises what the recipe and bad data raise."""
    recipe = load_recipe(name, overrides)
    heard = progress or Silent()
    spec = recipe.spec
    assumed = assumptions or Assumptions()
    base, missing = base_at_hand(spec)
    gaps = data_gaps(recipe, heard)
    found = _rough(spec) if base is None or gaps else _exact(recipe, base, output_path, heard)
    parameters = _parameters(spec, base, found.vocab_size)
    hours = None
    if parameters is not None and found.tokens is not None:
        flops = training_flops(
            parameters,
            found.tokens,
            checkpointing=spec.gradient_checkpointing,
            lora=spec.lora is not None,
        )
        hours = gpu_hours(flops, peak_tflops=assumed.peak_tflops, mfu=assumed.mfu)
    return Plan(
        recipe=spec.name,
        folder=found.folder,
        finished=found.finished,
        steps=found.steps,
        tokens=found.tokens,
        exact=found.exact,
        missing=(*missing, *gaps),
        parameters=parameters,
        gpu_hours=hours,
        assumed=assumed,
        sources=found.sources,
        mixture=found.mixture,
        memory=memory_line(spec, parameters),
        launch=_launch(name, spec, overrides, output_path),
    )


@dataclass(frozen=True, slots=True)
class _Counted:
    folder: Path | None
    finished: bool
    steps: int | None
    tokens: int | None
    exact: bool
    sources: Mapping[str, int | None]
    mixture: tuple[str, ...] = ()
    vocab_size: int | None = None


def _launch(name: str, spec: Training, overrides: Sequence[str], output_path: Path) -> str:
    """The command for as many GPUs of a node as share a batch evenly."""
    together = spec.global_batch_size / spec.micro_batch_size
    processes = max((n for n in range(1, 9) if together % n == 0), default=1)
    if processes == 1 or spec.device == "cpu":
        return ""
    rest = [f"--set={text}" for text in overrides]
    if output_path != PLACE:
        rest += ["--output_path", str(output_path)]
    return launch_command(name, rest, processes=processes)


def _parameters(spec: Training, base: Base | None, vocab_size: int | None) -> int | None:
    scores = isinstance(spec, RewardTraining)
    if spec.base is not None:
        if base is not None and base.checkpoint is not None:
            return parameters_of(base.checkpoint.config, scores=scores)
        return None if scores else KNOWN.get(spec.base)
    assert spec.model is not None and spec.tokenizer is not None
    size = vocab_size or spec.tokenizer.vocab_size
    config = {"model_type": "qwen2", "vocab_size": size, "tie_word_embeddings": True}
    return parameters_of(config | spec.model.model_dump(), scores=scores)


def _exact(recipe: Recipe, base: Base, output_path: Path, progress: Progress) -> _Counted:
    """The counts of the very rows."""
    need_extra()
    spec = recipe.spec
    data: SftData | PairData
    if isinstance(spec, SftTraining):
        data = SftData(spec, recipe, progress, at_hand=True)
    else:
        data = PairData(spec, progress)
    identity = identity_of(spec, base, machine_of(spec, 1), data)
    folder = output_path / spec.name / identity[:8]
    manifest = finished(folder)
    if manifest is not None:
        facts, tokens = manifest, manifest["tokens"]
    elif isinstance(data, SftData):
        with quiet():
            facts = data.count(base)
        an_epoch = math.ceil(facts["samples"] / spec.global_batch_size)
        tokens = round(facts["tokens_per_epoch"] * facts["steps"] / an_epoch)
    else:
        sizes = {task: len(split.train) for task, split in data.splits.items()}
        steps = steps_of(spec, sum(sizes.values()))
        return _Counted(folder, False, steps, _most(spec, steps) * 2, False, sizes)
    mixture = facts["mixture"]
    in_order = {name: mixture["sources"][name] for name in spec.data}  # a manifest is sorted
    return _Counted(
        folder=folder,
        finished=manifest is not None,
        steps=facts["steps"],
        tokens=tokens,
        exact=True,
        sources={name: one["n"] for name, one in in_order.items()},
        mixture=tuple(mixture_lines(mixture | {"sources": in_order})),
        vocab_size=facts["vocab_size"],
    )


def _rough(spec: Training) -> _Counted:
    """What the recipe alone says."""
    if not isinstance(spec, SftTraining):
        return _Counted(None, False, spec.max_steps, None, False, {})
    known = {name: n for name, one in spec.data.items() if (n := _asked(one)) is not None}
    sources = {name: known.get(name, n) for name, n in wanted(spec, known).items()}
    if spec.ratio is not None:
        sources |= {n: rows for n, rows in wanted(spec, known).items() if n != CREATIVE}
    if any(n is None for n in sources.values()):
        return _Counted(None, False, spec.max_steps, spec.max_tokens, False, sources)
    rows = sum(n or 0 for n in sources.values())
    if spec.max_tokens is not None:
        return _Counted(None, False, None, spec.max_tokens, True, sources)
    steps = steps_of(spec, rows)
    return _Counted(None, False, steps, _most(spec, steps), False, sources)


def _asked(source: TripletSource) -> int | None:
    if source.n is not None or source.hub is None or source.file is not None:
        return source.n
    rows = source.hub.expect
    return None if rows is None else rows - source.eval_n


def _most(spec: Training, steps: int) -> int:
    return steps * spec.global_batch_size * spec.max_length
