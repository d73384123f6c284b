"""Flags that several parts of `harness bench` have, and how a table is shown."""

from __future__ import annotations

from pathlib import Path

import click

FILE = click.Path(path_type=Path, exists=True, dir_okay=False)
OUT = click.option(
    "--out", type=click.Path(path_type=Path), help="Write the Markdown here as well."
)
SHAPE = click.option(
    "--shape",
    type=click.Choice(["tiny", "small", "7b"]),
    default="small",
    show_default=True,
    help="Size of the randomly initialised model.",
)
DEVICE = click.option(
    "--device", type=click.Choice(["auto", "cpu", "cuda"]), default="auto", show_default=True
)
DTYPE = click.option(
    "--dtype", type=click.Choice(["float32", "bfloat16"]), default="float32", show_default=True
)
PAIRS = click.option(
    "--pairs", type=click.IntRange(min=1), default=16, show_default=True, help="Pairs to score."
)
DATA = click.option(
    "--data",
    type=FILE,
    help="JSONL of pairs to take the texts from; made ones of real lengths without.",
)
REPEATS = click.option("--repeats", type=click.IntRange(min=1), default=1, show_default=True)


def show(text: str, out: Path | None) -> None:
    """Print a table, and write it where --out says."""
    from harness.store import write_atomic

    if out is not None:
        write_atomic(out, text if text.endswith("\n") else text + "\n")
    click.echo(text)


def torch_device(device: str) -> str:
    """The device that `auto` means here; MissingExtra without torch."""
    from harness.models.base import ModelSettings
    from harness.models.device import require_torch, resolve_device

    require_torch()
    return resolve_device(ModelSettings(device=device))  # type: ignore[arg-type]
