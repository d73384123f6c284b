"""`harness bench`: how fast scoring is here, beside the usual way."""

from __future__ import annotations

from pathlib import Path

import click

from harness.cli.console import Console
from harness.cli.main import Command


@click.command(cls=Command)
@click.option(
    "--shape",
    type=click.Choice(["tiny", "small", "7b"]),
    default="small",
    show_default=True,
    help="Size of the randomly initialised model.",
)
@click.option(
    "--device", type=click.Choice(["auto", "cpu", "cuda"]), default="auto", show_default=True
)
@click.option(
    "--dtype", type=click.Choice(["float32", "bfloat16"]), default="float32", show_default=True
)
@click.option(
    "--pairs", type=click.IntRange(min=1), default=16, show_default=True, help="Pairs to score."
)
@click.option(
    "--data",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="JSONL of pairs to take the lengths from; drawn from published ones without.",
)
@click.option("--max_batch_tokens", type=click.IntRange(min=1), help="Tokens in a batch.")
@click.option("--repeats", type=click.IntRange(min=1), default=1, show_default=True)
@click.option("--out", type=click.Path(path_type=Path), help="Write the Markdown here as well.")
def bench(
    shape: str,
    device: str,
    dtype: str,
    pairs: int,
    data: Path | None,
    max_batch_tokens: int | None,
    repeats: int,
    out: Path | None,
) -> None:
    """Measure speed here, as ratios in one run: a Markdown table on stdout.

    Every way scores the same texts with the same model. Only ratios travel between machines.
    """
    from harness.bench import bench_scoring
    from harness.bench.scoring import markdown
    from harness.cli.output import check_out
    from harness.models.base import ModelSettings
    from harness.models.device import require_torch, resolve_device
    from harness.store import write_atomic

    check_out(out)
    require_torch()
    measured = bench_scoring(
        shape=shape,
        device=resolve_device(ModelSettings(device=device)),  # type: ignore[arg-type]
        dtype=dtype,
        pairs=pairs,
        file=data,
        max_batch_tokens=max_batch_tokens,
        repeats=repeats,
        progress=Console(),
    )
    text = markdown(measured)
    if out is not None:
        write_atomic(out, text)
    click.echo(text)
