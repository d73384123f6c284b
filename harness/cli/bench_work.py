"""`harness bench judging|diversity|report|start|growth`: what needs no model of our own."""

from __future__ import annotations

from pathlib import Path

import click

from harness.cli.bench_flags import DATA, FILE, OUT, REPEATS, show
from harness.cli.console import Console
from harness.cli.main import Command
from harness.cli.options import cores
from harness.errors import UsageError

_FEWEST_CALLS = 40  # of --growth: a twentieth of them is a pair in both orders


@click.command(cls=Command)
@click.option(
    "--calls",
    type=click.IntRange(min=1),
    help="Calls at least; 8 rounds without, or 20,000 with --growth.",
)
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
@DATA
@click.option("--growth", is_flag=True, help="Memory at a twentieth of the calls and at all.")
@OUT
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
    from harness.bench.judging import bench_judging, markdown
    from harness.bench.judging_memory import bench_judging_memory, memory_markdown
    from harness.cli.output import check_out

    check_out(out)
    many = whole_numbers("--num_concurrent", num_concurrent or ("128" if growth else "1,16,128"))
    if growth:
        most, after = calls or 20_000, latency or 0.05
        if len(many) > 1 or most < _FEWEST_CALLS:
            raise UsageError(
                f"--growth takes one --num_concurrent, and {_FEWEST_CALLS} --calls or more"
            )
        rows = bench_judging_memory(
            latency=after,
            concurrency=many[0],
            calls=(most // 40 * 2, most // 40 * 40),
            file=data,
            judge=judge,
            progress=Console(),
        )
        show(memory_markdown(rows, after, many[0]), out)
        return
    measured = bench_judging(
        latency=latency or 1.0,
        concurrencies=many,
        calls=calls,
        file=data,
        judge=judge,
        progress=Console(),
    )
    show(markdown(measured), out)


@click.command(cls=Command)
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
    type=FILE,
    help="JSONL of texts or pairs to measure; made ones of real lengths without.",
)
@click.option(
    "--processes", type=click.IntRange(min=1), help="Of the last way; as many as cores without."
)
@REPEATS
@OUT
def diversity(
    chars: int,
    language: str,
    data: Path | None,
    processes: int | None,
    repeats: int,
    out: Path | None,
) -> None:
    """Measure texts, beside the bare segmenter.

    Its time, that of words, of everything, and of everything on all cores; rjieba stands beside
    jieba where it is installed.
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
    show(markdown(measured), out)


@click.command(cls=Command)
@click.option(
    "--verdicts",
    metavar="N,...",
    default="10000,100000,1000000",
    show_default=True,
    help="Verdicts in a run folder, one size after the other.",
)
@OUT
def report(verdicts: str, out: Path | None) -> None:
    """From stored verdicts to numbers and tables.

    Run folders are made in a temporary folder, about 700 bytes a verdict: of a reward model, and
    of a judge with both orders.
    """
    from harness.bench.report_time import bench_report, markdown
    from harness.cli.output import check_out

    check_out(out)
    sizes = whole_numbers("--verdicts", verdicts)
    show(markdown(bench_report(verdicts=sizes, progress=Console())), out)


@click.command(cls=Command)
@click.option(
    "--repeats",
    type=click.IntRange(min=1),
    default=11,
    show_default=True,
    help="Runs of each command, after one that is not counted.",
)
@click.option("--no_lm_eval", is_flag=True, help="Leave lm-eval's commands out.")
@OUT
def start(repeats: int, no_lm_eval: bool, out: Path | None) -> None:
    """Commands with next to nothing to do.

    From start to exit, beside Python itself, and lm-eval where it is installed.
    """
    from harness.bench.startup import bench_start, markdown
    from harness.cli.output import check_out

    check_out(out)
    measured = bench_start(repeats=repeats, lm_eval=not no_lm_eval, progress=Console())
    show(markdown(measured), out)


@click.command(cls=Command)
@click.option(
    "--pairs",
    type=click.IntRange(min=1),
    default=64_000,
    show_default=True,
    help="Pairs of the largest file; the other parts go with it.",
)
@click.option(
    "--only", metavar="PART,...", default="", help="Of read, score, judge, measure, report."
)
@OUT
def growth(pairs: int, only: str, out: Path | None) -> None:
    """Time and memory at 1, 4, 16 and 64 times the work.

    Each size in a process of its own, on files made beforehand in a temporary folder: about 10 KB
    a pair.
    """
    from harness.bench.growth import bench_growth, markdown
    from harness.cli.output import check_out

    check_out(out)
    names = [name.strip() for name in only.split(",")] if only else []
    show(markdown(bench_growth(pairs=pairs, only=names, progress=Console())), out)


def whole_numbers(flag: str, text: str) -> tuple[int, ...]:
    """A flag's `,`-list of whole numbers above 0."""
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdecimal() and int(part) > 0 for part in parts):
        raise UsageError(f"{flag} {text}: whole numbers above 0, separated by commas")
    return tuple(int(part) for part in parts)
