"""`harness demo`: a tiny reward model trained, run beside the nulls, judging an arena; offline."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.console import Console
from harness.cli.main import Command

if TYPE_CHECKING:
    from harness.models.base import ModelSettings
    from harness.reports.tables import Table
    from harness.runner import RunResult
    from harness.training.job import Trained

RECIPE = "demo_reward"
NULLS = ("length", "shorter", "random", "ttr", "first")
WORTH = (
    "Both halves were written for this demo in one manner, whose marks a tiny model learns in "
    "seconds: the demo shows the road, not quality."
)


@click.command(cls=Command)
@click.option(
    "--output_path",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("results/demo"),
    show_default=True,
)
def demo(output_path: Path) -> None:
    """The whole road on shipped data, offline, in a minute.

    Trains a tiny reward model on half of the demo pairs of both languages, runs it and the null
    baselines on the other half, lets it judge the two authors of these texts in an arena, and
    prints the tables. It shows the road, not quality. Needs the extra "train".
    """
    from harness.cli.demo_arena import run_arena
    from harness.cli.train import summary
    from harness.reports import render_run
    from harness.reports.render_rich import terminal_text
    from harness.training.job import train

    trained = train(RECIPE, output_path=output_path / "train", progress=Console())
    click.echo(summary(trained) + "\n")
    by_task = run_models(trained, output_path)
    for task, results in by_task.items():
        click.echo(terminal_text(tables(task, results)))
    arena = run_arena(trained, demo_settings(), output_path)
    click.echo(render_run(arena.results))
    click.echo("\n".join(closing(by_task, trained, arena.folder, output_path)))


def demo_settings() -> ModelSettings:
    """The same numbers on every machine: no GPU, no bfloat16."""
    from harness.models.base import ModelSettings

    return ModelSettings(dtype="float32", device="cpu")


def run_models(trained: Trained, output_path: Path) -> dict[str, list[RunResult]]:
    """The trained model, then the nulls, on the held-out pairs; the runs of each task."""
    from harness.progress import Silent
    from harness.request import RunRequest
    from harness.runner import run

    found: dict[str, list[RunResult]] = {task: [] for task in trained.held_out}
    for model in (f"hf:{trained.model}", *(f"baseline:{name}" for name in NULLS)):
        ours = model.startswith("hf:")
        request = RunRequest(
            tasks=tuple(trained.held_out),
            model=model,
            model_args=f"name={RECIPE}" if ours else None,
            settings=demo_settings(),
            data=trained.held_out,
            output_path=output_path,
        )
        # what there is to say about the data is said once
        for result in run(request, Console() if ours else Silent()):
            found[str(result.results["task"])].append(result)
    return found


def tables(task: str, results: list[RunResult]) -> list[Table]:
    """All models of a task, best first, and the trained one by genre."""
    from harness.reports.groups import printed_groups
    from harness.reports.overall import Entry, overall_table

    rows = [
        Entry(str(result.results["model"]["name"]), result.folder.name, result.results)
        for result in results
    ]
    ranked = sorted(rows, key=lambda row: (-row.accuracy, row.label))
    models = overall_table(ranked).pick(
        f"{task}: held-out pairs", ("model", "accuracy", "wilson95", "n")
    )
    return [models, printed_groups(rows[:1], "genre")]


def closing(
    by_task: dict[str, list[RunResult]], trained: Trained, arena: Path, output_path: Path
) -> list[str]:
    """What the numbers are worth, and where everything is."""
    from harness.reports.text import interval, percent

    said = []
    for task, results in by_task.items():
        metrics, n = results[0].results["metrics"], results[0].results["data"]["n"]
        said.append(
            f"{task}: {RECIPE} is right on {percent(metrics['accuracy'])} % of {n} pairs, Wilson "
            f"95% interval {interval(metrics['wilson95'])}."
        )
    first, second, *_ = next(iter(by_task.values()))
    files = [
        ("model", trained.model),
        *(("held-out pairs", file) for file in trained.held_out.values()),
        *(("report", results[0].folder / "report.md") for results in by_task.values()),
        ("arena", arena / "report.md"),
    ]
    return [
        *said,
        WORTH,
        "",
        *(f"{what:<15} {path}" for what, path in files),
        "",
        "next:",
        "  " + shlex.join(["harness", "report", str(output_path)]),
        "  " + shlex.join(["harness", "compare", str(first.folder), str(second.folder)]),
        "  " + shlex.join(["harness", "report", str(arena), "--by", "diversity"]),
    ]
