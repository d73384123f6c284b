"""`harness train`: a model from a recipe."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.console import Console
from harness.cli.main import Command

if TYPE_CHECKING:
    from harness.training import Trained


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
def train(recipe: str, overrides: tuple[str, ...], output_path: Path) -> None:
    """Train a model from a recipe (a name, or a YAML file of your own).

    \b
    harness train demo_reward
    harness train demo_reward --set max_steps=20 --set model.hidden_size=192
    harness train demo_reward --set data.demo_zh.file=pairs.jsonl

    Writes <output_path>/<recipe>/<8 hex of settings and data>/: model/ (a checkpoint that
    `harness run --model` takes), the held-out pairs of each task, log.jsonl, manifest.json. The
    same settings and data find the finished folder again.
    """
    from harness.training import train as train_recipe

    done = train_recipe(recipe, output_path=output_path, overrides=overrides, progress=Console())
    click.echo(summary(done))
    click.echo("\nscore its held-out pairs:")
    for task, file in done.held_out.items():
        command = ["--tasks", task, "--data", f"{task}={file}", "--model", str(done.model)]
        click.echo("  " + shlex.join(["harness", "run", *command]))


def summary(done: Trained) -> str:
    """What was trained, on what, and where it is."""
    made = done.manifest
    sources = made["mixture"]["sources"].values()
    held_out = sum(source["held_out"]["n"] for source in sources)
    state = "trained before, reused" if done.reused else f"trained in {made['wall_seconds']:.0f} s"
    return (
        f"{made['recipe']}: {made['parameters']:,} parameters, {made['steps']} steps on "
        f"{sum(source['n'] for source in sources)} pairs, {held_out} held out\n"
        f"{state}: {done.folder}"
    )
