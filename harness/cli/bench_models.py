"""`harness bench scoring|likelihood|peers`: models on this machine, beside the usual ways."""

from __future__ import annotations

from pathlib import Path

import click

from harness.cli.bench_flags import (
    DATA,
    DEVICE,
    DTYPE,
    OUT,
    PAIRS,
    REPEATS,
    SHAPE,
    show,
    torch_device,
)
from harness.cli.console import Console
from harness.cli.main import Command


@click.command(cls=Command)
@SHAPE
@DEVICE
@DTYPE
@PAIRS
@DATA
@click.option("--max_batch_tokens", type=click.IntRange(min=1), help="Tokens in a batch.")
@REPEATS
@OUT
def scoring(
    shape: str,
    device: str,
    dtype: str,
    pairs: int,
    data: Path | None,
    max_batch_tokens: int | None,
    repeats: int,
    out: Path | None,
) -> None:
    """Score texts in four ways (the default).

    The same texts and the same randomly initialised model every time.
    """
    from harness.bench.scoring import bench_scoring, markdown
    from harness.cli.output import check_out

    check_out(out)
    measured = bench_scoring(
        shape=shape,
        device=torch_device(device),
        dtype=dtype,
        pairs=pairs,
        file=data,
        max_batch_tokens=max_batch_tokens,
        repeats=repeats,
        progress=Console(),
    )
    show(markdown(measured), out)


@click.command(cls=Command)
@SHAPE
@DEVICE
@DTYPE
@PAIRS
@DATA
@REPEATS
@OUT
def likelihood(
    shape: str,
    device: str,
    dtype: str,
    pairs: int,
    data: Path | None,
    repeats: int,
    out: Path | None,
) -> None:
    """Log-likelihoods, beside lm-eval's `hf`.

    The same randomly initialised language model and the same pairs every time, each way in a
    process of its own.
    """
    from harness.bench.likelihood import bench_likelihood, likelihood_markdown
    from harness.cli.output import check_out

    check_out(out)
    measured = bench_likelihood(
        shape=shape,
        device=torch_device(device),
        dtype=dtype,
        pairs=pairs,
        file=data,
        repeats=repeats,
        progress=Console(),
    )
    show(likelihood_markdown(measured), out)


@click.command(cls=Command)
@SHAPE
@PAIRS
@DATA
@click.option(
    "--environments",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    default=".",
    show_default=True,
    help="Folder with the environments of the peers, as `make bench-peers` makes them.",
)
@OUT
def peers(shape: str, pairs: int, data: Path | None, environments: Path, out: Path | None) -> None:
    """The programs of others on the same checkpoint and pairs.

    Each in an environment of its own, a folder .venv-NAME; what is not there is left out.
    """
    from harness.bench.peers import bench_peers, peers_markdown
    from harness.cli.output import check_out

    check_out(out)
    torch_device("cpu")
    found = bench_peers(
        pairs=pairs, file=data, environments=environments, shape=shape, progress=Console()
    )
    show(peers_markdown(found), out)
