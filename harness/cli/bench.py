"""`harness bench`: how fast scoring, judging and measuring are here, beside the usual ways."""

from __future__ import annotations

from pathlib import Path

import click

from harness.cli.console import Console
from harness.cli.main import Command
from harness.cli.options import cores
from harness.errors import UsageError, unknown_name

_OUT = click.option(
    "--out", type=click.Path(path_type=Path), help="Write the Markdown here as well."
)
_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)


class Parts(click.Group):
    """The parts of the benchmark; flags alone are those of scoring."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args[:1] not in (["-h"], ["--help"]) and (not args or args[0].startswith("-")):
            args = ["scoring", *args]
        return super().parse_args(ctx, args)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in self.commands:
            raise click.UsageError(unknown_name("benchmark", args[0], self.commands), ctx)
        return super().resolve_command(ctx, args)


@click.group(cls=Parts)
def bench() -> None:
    """Measure speed here, as ratios in one run: a Markdown table on stdout.

    \b
    harness bench [scoring] --pairs 32       reward scoring, beside the usual way
    harness bench judging --latency 1        calls to a server, beside a bare client and lm-eval
    harness bench diversity --chars 2000000  measuring texts, beside the bare segmenter

    Only ratios travel between machines.
    """


@bench.command(cls=Command)
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
    type=_FILE,
    help="JSONL of pairs to take the lengths from; drawn from published ones without.",
)
@click.option("--max_batch_tokens", type=click.IntRange(min=1), help="Tokens in a batch.")
@click.option("--repeats", type=click.IntRange(min=1), default=1, show_default=True)
@_OUT
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
    from harness.bench import bench_scoring
    from harness.bench.scoring import markdown
    from harness.cli.output import check_out
    from harness.models.base import ModelSettings
    from harness.models.device import require_torch, resolve_device

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
    _show(markdown(measured), out)


@bench.command(cls=Command)
@click.option("--calls", type=click.IntRange(min=1), help="Calls at least; 8 rounds without.")
@click.option(
    "--latency",
    type=click.FloatRange(min=0, min_open=True),
    help="Seconds until the server answers; 1, or 0.05 with --growth.",
)
@click.option(
    "--num_concurrent",
    metavar="N,...",
    help="Calls in flight, one after the other; 1,16,128, or 128 with --growth.",
)
@click.option("--judge", default="pairwise", show_default=True, help="A pairwise judge's file.")
@click.option("--data", type=_FILE, help="JSONL of pairs to judge; random ones without.")
@click.option("--growth", is_flag=True, help="Memory at 1,000 and 20,000 calls instead.")
@_OUT
def judging(
    calls: int | None,
    latency: float | None,
    num_concurrent: str | None,
    judge: str,
    data: Path | None,
    growth: bool,
    out: Path | None,
) -> None:
    """Call a server of fixed latency in four ways.

    The server is on this machine, a process of its own. Compares the wall time with calls x
    latency / calls in flight, for a bare client, for the harness from data to verdicts.jsonl,
    and for lm-eval where it is installed.
    """
    from harness.bench.growth import bench_growth, growth_markdown
    from harness.bench.judging import bench_judging, markdown
    from harness.cli.output import check_out

    check_out(out)
    many = concurrencies(num_concurrent or ("128" if growth else "1,16,128"))
    if growth:
        if len(many) > 1 or calls is not None:
            raise UsageError("--growth takes one --num_concurrent, and no --calls")
        after = latency or 0.05
        rows = bench_growth(
            latency=after, concurrency=many[0], file=data, judge=judge, progress=Console()
        )
        _show(growth_markdown(rows, after, many[0]), out)
        return
    measured = bench_judging(
        latency=latency or 1.0,
        concurrencies=many,
        calls=calls,
        file=data,
        judge=judge,
        progress=Console(),
    )
    _show(markdown(measured), out)


@bench.command(cls=Command)
@click.option(
    "--chars",
    type=click.IntRange(min=1),
    default=1_000_000,
    show_default=True,
    help="Characters at least.",
)
@click.option("--language", type=click.Choice(["zh", "en"]), default="zh", show_default=True)
@click.option(
    "--data",
    type=_FILE,
    help="JSONL of texts or pairs to measure; made ones of real lengths without.",
)
@click.option(
    "--processes", type=click.IntRange(min=1), help="Of the last way; as many as cores without."
)
@click.option("--repeats", type=click.IntRange(min=1), default=1, show_default=True)
@_OUT
def diversity(
    chars: int,
    language: str,
    data: Path | None,
    processes: int | None,
    repeats: int,
    out: Path | None,
) -> None:
    """Measure texts: the bare segmenter, words, everything, everything on all cores.

    rjieba stands beside jieba where it is installed.
    """
    from harness.bench.diversity import bench_diversity, markdown
    from harness.cli.output import check_out

    check_out(out)
    measured = bench_diversity(
        language=language,  # type: ignore[arg-type]
        chars=chars,
        file=data,
        processes=processes or cores(),
        repeats=repeats,
        progress=Console(),
    )
    _show(markdown(measured), out)


def concurrencies(text: str) -> tuple[int, ...]:
    """A `,`-list of whole numbers above 0."""
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdecimal() and int(part) > 0 for part in parts):
        raise UsageError(f"--num_concurrent {text}: whole numbers above 0, separated by commas")
    return tuple(int(part) for part in parts)


def _show(text: str, out: Path | None) -> None:
    from harness.store import write_atomic

    if out is not None:
        write_atomic(out, text)
    click.echo(text)
