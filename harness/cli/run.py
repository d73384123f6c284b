"""`harness run`: score the pairs of tasks with a model and report per genre."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from harness.cli.console import Console
from harness.cli.main import Command
from harness.cli.notes import failure_notes, judge_notes
from harness.errors import HarnessError, UsageError

_MORE_THAN_ZERO = click.IntRange(min=1)


def names(text: str | None) -> tuple[str, ...]:
    """A `,`-list of names."""
    return tuple(part.strip() for part in (text or "").split(",") if part.strip())


def files(values: tuple[str, ...]) -> dict[str, Path]:
    """--data TASK=FILE, each task once, every file there."""
    found: dict[str, Path] = {}
    for value in values:
        task, equals, path = value.partition("=")
        if not equals or not task or not path:
            raise UsageError(f"--data {value}: write TASK=FILE")
        if task in found:
            raise UsageError(f"--data {task}: given twice")
        if not Path(path).exists():
            raise UsageError(f"--data {value}: no such file")
        found[task] = Path(path)
    return found


def limit_of(text: str | None) -> int | float | None:
    """A number of pairs, or a fraction below 1."""
    if text is None:
        return None
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if 0 < value < 1:
        return value
    if value >= 1 and value.is_integer():
        return int(value)
    raise UsageError(f"--limit {text}: a number of pairs (100) or a fraction below 1 (0.1)")


@click.command(cls=Command)
@click.option("--tasks", required=True, help="Tasks or groups, separated by commas.")
@click.option("--model", required=True, help="A folder, a hub id, or backend:what.")
@click.option("--model_args", metavar="K=V,...", help="base_url=, revision=, peft=, name=, ...")
@click.option("--judge", metavar="NAME|FILE", help="How to ask or run the model.")
@click.option(
    "--orders",
    type=click.Choice(["both", "seeded"]),
    default="both",
    show_default=True,
    help="Orders a pairwise judge sees.",
)
@click.option("--data", multiple=True, metavar="TASK=FILE", help="A local file for a task.")
@click.option(
    "--include_path",
    multiple=True,
    type=click.Path(path_type=Path),
    help="A folder with your own YAML.",
)
@click.option("--genres", help="Only these genres, separated by commas.")
@click.option("--limit", metavar="N|FRACTION", help="Only a seeded sample of the pairs.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
@click.option(
    "--batch_size",
    metavar="auto|N",
    default="auto",
    show_default=True,
    help="Texts in a batch at most.",
)
@click.option("--max_batch_tokens", type=_MORE_THAN_ZERO, help="Tokens in a batch at most.")
@click.option("--max_length", type=_MORE_THAN_ZERO, help="Tokens a text may have.")
@click.option(
    "--truncate",
    type=click.Choice(["error", "left", "right"]),
    default="error",
    show_default=True,
    help="What to do with a longer text.",
)
@click.option(
    "--dtype",
    type=click.Choice(["auto", "bfloat16", "float16", "float32"]),
    default="auto",
    show_default=True,
)
@click.option(
    "--device", type=click.Choice(["auto", "cpu", "cuda"]), default="auto", show_default=True
)
@click.option(
    "--output_path", type=click.Path(path_type=Path), default=Path("results"), show_default=True
)
@click.option("--fresh", is_flag=True, help="Start over what is there already.")
@click.option("--trust_remote_code", is_flag=True, help="Run code that comes with a checkpoint.")
@click.option(
    "--bad_rows", type=click.Choice(["refuse", "drop"]), default="refuse", show_default=True
)
@click.option("--genre_map", metavar="NAME|FILE|tag", help="Another table of genres.")
@click.option(
    "--tokenizer",
    type=click.Choice(["jieba", "rjieba"]),
    default="jieba",
    show_default=True,
    help="Chinese words, for baseline:ttr.",
)
@click.option(
    "--gen_kwargs", metavar="K=V,...", help="temperature=, top_p=, max_tokens=, stop=A|B."
)
@click.option(
    "--num_concurrent",
    type=_MORE_THAN_ZERO,
    default=16,
    show_default=True,
    help="Calls to a server in flight at most.",
)
@click.option(
    "--price_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="What tokens cost.",
)
@click.option("--max_errors", type=_MORE_THAN_ZERO, help="Give up after so many errors.")
@click.option("--dry_run", is_flag=True, help="Check everything, score nothing.")
def run(**flags: Any) -> None:
    """Score or judge the pairs of tasks with a model and report per genre.

    \b
    harness run --tasks wpb_zh,wpb_en --model PATH
    harness run --tasks wpb --model openai:NAME --model_args base_url=URL
    harness run --tasks wpb --model PATH --judge pairwise
    harness run --tasks wpb --model likelihood:PATH,norm=token
    harness run --tasks wpb_zh --model baseline:length
    harness run --tasks wpb_zh --data wpb_zh=pairs.jsonl --model PATH

    Results to stdout, progress to stderr, files under --output_path. The same command again
    resumes what was interrupted and reuses what is finished.
    """
    from harness import runner

    request = make_request(flags)
    if flags["dry_run"]:
        for line in runner.dry_run(request, Console()):
            click.echo(line)
        return
    try:
        results = runner.run(request, Console())
    except KeyboardInterrupt:
        raise HarnessError("interrupted; the same command goes on where it stopped") from None
    _show(results)


def make_request(flags: dict[str, Any]) -> Any:
    """The flags as one checked request."""
    from harness.models.base import ModelSettings
    from harness.request import RunRequest

    tasks = names(flags["tasks"])
    if not tasks:
        raise UsageError("--tasks: name at least one (`harness ls tasks` lists them)")
    settings = ModelSettings(
        judge=flags["judge"],
        dtype=flags["dtype"],
        device=flags["device"],
        max_length=flags["max_length"],
        truncate=flags["truncate"],
        trust_remote_code=flags["trust_remote_code"],
        seed=flags["seed"],
        segmenter=flags["tokenizer"],
        batch_size=batch_size(flags["batch_size"]),
        max_batch_tokens=flags["max_batch_tokens"],
        num_concurrent=flags["num_concurrent"],
        include=flags["include_path"],
    )
    same = ("model", "model_args", "orders", "max_errors", "output_path", "gen_kwargs")
    return RunRequest(
        tasks=tasks,
        settings=settings,
        data=files(flags["data"]),
        genres=names(flags["genres"]),
        limit=limit_of(flags["limit"]),
        include=flags["include_path"],
        **{key: flags[key] for key in (*same, "fresh", "bad_rows", "genre_map", "price_file")},
    )


def batch_size(text: str) -> int | None:
    """A number of texts, or auto."""
    if text == "auto":
        return None
    if text.isdecimal() and int(text) > 0:
        return int(text)
    raise UsageError(f"--batch_size {text}: a whole number above 0, or auto")


def _show(results: list[Any]) -> None:
    from harness.reports import render_run

    for result in results:
        click.echo(render_run(result.results))
        for line in judge_notes(result):
            click.echo(line)
        state = "finished before, reused" if result.reused else "finished"
        click.echo(f"{state}: {result.folder}\n")
        for line in failure_notes(result):
            click.echo(f"{result.results['task']}: {line}", err=True)
