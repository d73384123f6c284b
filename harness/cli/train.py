"""`harness train`: a model from a recipe."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.console import Console
from harness.cli.main import Command
from harness.errors import HarnessError

if TYPE_CHECKING:
    from harness.training.job import Trained


@click.command(cls=Command)
@click.argument("recipe")
@click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="KEY=VALUE",
    help="Change a key of the recipe; a.b=value reaches inside. May stand several times.",
)
@click.option(
    "--output_path",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("results/train"),
    show_default=True,
)
@click.option("--fresh", is_flag=True, help="Start over what is there already.")
@click.option("--dry_run", is_flag=True, help="Say what would be trained, and train nothing.")
def train(
    recipe: str, overrides: tuple[str, ...], output_path: Path, fresh: bool, dry_run: bool
) -> None:
    """Train a model from a recipe (a name, or a YAML file of your own).

    \b
    harness train demo
    harness train coig_cw_10k --dry_run
    harness train coig_cw_10k --set lora.r=16 --set micro_batch_size=2
    harness train coig_cw --set data.creative.file=rows.jsonl --set base=DIR
    harness train demo_reward --set data.demo_zh.file=pairs.jsonl

    Writes <output_path>/<recipe>/<8 hex of settings and data>/: model/ (a checkpoint that
    `harness run --model` takes), log.jsonl, curve.png, manifest.json. The same settings and data
    find the finished folder again, or go on from the last checkpoint.
    """
    from harness.training.job import train as train_recipe
    from harness.training.launch import world
    from harness.training.plan import plan

    if dry_run:
        for line in plan(
            recipe, output_path=output_path, overrides=overrides, progress=Console()
        ).lines():
            click.echo(line)
        return
    main = world().main
    try:
        done = train_recipe(
            recipe,
            output_path=output_path,
            overrides=overrides,
            fresh=fresh,
            progress=Console() if main else None,
        )
    except KeyboardInterrupt:
        raise HarnessError("interrupted; the same command goes on from the last checkpoint") from (
            None
        )
    if main:
        click.echo(summary(done))


def summary(done: Trained) -> str:
    """What was trained, on what, how to use it, and where it is."""
    made = done.manifest
    state = "trained before, reused" if done.reused else f"trained in {made['wall_seconds']:.0f} s"
    sources = made["mixture"]["sources"]
    if made["kind"] == "reward":
        held = sum(one["held_out"]["n"] for one in sources.values())
        what = f"{sum(one['n'] for one in sources.values())} pairs, {held} held out"
    else:
        what = ", ".join(f"{one['n']:,} {name}" for name, one in sources.items())
    head = f"{made['recipe']}: {made['parameters']:,} parameters, {made['steps']:,} steps on {what}"
    return "\n".join([head, _losses(made), "", *_use(done), f"{state}: {done.folder}"])


def _losses(made: dict[str, object] | object) -> str:
    assert isinstance(made, dict)
    said = "no loss was logged (logging_steps)"
    if made["first_loss"] is not None:
        said = f"loss {made['first_loss']:.3f} -> {made['last_loss']:.3f}"
    if made["last_eval_loss"] is not None:
        said += f", on held-out rows {made['first_eval_loss']:.3f} -> {made['last_eval_loss']:.3f}"
    return said


def _use(done: Trained) -> list[str]:
    """The commands that come next."""
    model = str(done.model)
    if done.manifest["kind"] == "sft":
        tasks = "demo_writing" if done.manifest["recipe"].startswith("demo") else "coig_writer"
        return [
            "let it write:",
            "  " + shlex.join(["harness", "run", "--tasks", tasks, "--model", model]),
        ]
    lines = ["score its held-out pairs:"]
    for task, file in done.held_out.items():
        command = ["--tasks", task, "--data", f"{task}={file}", "--model", model]
        lines.append("  " + shlex.join(["harness", "run", *command]))
    return lines
