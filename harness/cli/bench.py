"""`harness bench`: how fast scoring, judging and measuring are here, beside the usual ways."""

from __future__ import annotations

from pathlib import Path

import click

from harness.cli.bench_flags import FILE, OUT, show
from harness.cli.bench_models import likelihood, peers, scoring
from harness.cli.bench_work import diversity, growth, judging, report, start
from harness.cli.console import Console
from harness.cli.main import Command
from harness.errors import unknown_name


class Parts(click.Group):
    """The parts of the benchmark, in the order of their adding; flags alone are of scoring."""

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

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)


@click.group(cls=Parts)
def bench() -> None:
    """Measure speed here, as ratios in one run: a Markdown table on stdout.

    \b
    harness bench [scoring] --pairs 32       reward scoring, beside the usual way
    harness bench judging --latency 1        calls to a server, beside a bare client and lm-eval
    harness bench diversity --chars 2000000  measuring texts, beside the bare segmenter
    harness bench all --out speed.md         everything, in one document

    Only ratios travel between machines.
    """


@click.command("all", cls=Command)
@click.option("--quick", is_flag=True, help="Next to no work, to see that all parts run here.")
@click.option("--data", type=FILE, help="JSONL of pairs, for the parts that can use one.")
@OUT
def whole(quick: bool, data: Path | None, out: Path | None) -> None:
    """All parts, one after the other, as one document.

    Each part is run by its own command. One that fails, or whose libraries are not installed,
    says so in its place, and the others go on. Takes about 20 minutes on two cores.
    """
    from harness.bench.whole import bench_all
    from harness.cli.output import check_out
    from harness.store import write_atomic

    check_out(out)

    def save(text: str) -> None:
        if out is not None:  # interrupted, it keeps what was measured
            write_atomic(out, text)

    show(bench_all(quick=quick, file=data, progress=Console(), save=save), out)


for part in (scoring, likelihood, peers, judging, diversity, report, start, growth, whole):
    bench.add_command(part)
