"""`harness study`: trainings, texts, an arena and one report by one command."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from harness.cli.arena import arena
from harness.cli.console import Console
from harness.cli.main import Command
from harness.cli.options import make_request
from harness.cli.run import run, run_request
from harness.errors import UsageError


@click.command(cls=Command)
@click.argument("name")
@click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="KEY=VALUE",
    help="Change a key of the study, of one recipe (LABEL.key) or of all. May stand several times.",
)
@click.option(
    "--output_path",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("results"),
    show_default=True,
)
@click.option("--fresh", is_flag=True, help="Start every stage over.")
@click.option("--dry_run", is_flag=True, help="Print the plan with steps, tokens and GPU hours.")
def study(
    name: str, overrides: tuple[str, ...], output_path: Path, fresh: bool, dry_run: bool
) -> None:
    """Train the recipes of a study, let the models write, judge them, write one report.

    \b
    harness study demo
    harness study coig_writer --dry_run --set judge.model=openai:NAME
    harness study coig_writer --set judge.model=openai:NAME --set judge.model_args=base_url=URL
    harness study coig_writer --set human=[zh.json,en.json]
    harness study coig_writer --set recipes=[CW+10k,G] --set lora.r=16 --set judge=none

    The same command goes on where it stopped; stages whose inputs have not changed are not run
    again. The report is <output_path>/study/<name>-<8 hex>/report.md.
    """
    _check_flags(name, overrides, output_path)
    if dry_run:
        from harness.reports.render_rich import terminal_text
        from harness.study.dry import dry_study

        plan = dry_study(name, output_path=output_path, overrides=overrides, progress=Console())
        click.echo(terminal_text(plan.tables))
        click.echo("\n".join(plan.commands))
        return
    from harness.study.run import run_study

    done = run_study(
        name, output_path=output_path, overrides=overrides, fresh=fresh, progress=Console()
    )
    click.echo(done.report)
    click.echo(f"finished: {done.folder}")


def _check_flags(name: str, overrides: tuple[str, ...], output_path: Path) -> None:
    """UsageError for what writing or judging would refuse: hours of training come before them."""
    from harness.models import MODELS
    from harness.models.gen_kwargs import resolve_sampling
    from harness.models.ref import parse_model
    from harness.specs import Sampling
    from harness.study.resolve import resolve
    from harness.study.stages import judge_stage, write_stage

    found = resolve(name, overrides)
    spec = found.spec
    write = write_stage(found, found.members[0], Path("MODEL"), "", output_path)
    judge = judge_stage(spec, [Path("RUN")], [], output_path)
    resolve_sampling(Sampling(), spec.writing.gen_kwargs)
    run_request(_flags_of(run, "writing", write.arguments))
    if judge is None:
        return
    flags = _flags_of(arena, "judge", judge.arguments)
    if spec.human or spec.judge is None:
        return
    make_request(flags, tasks=())
    resolve_sampling(Sampling(), spec.judge.gen_kwargs)
    parse_model(flags["model"], flags["model_args"], tuple(MODELS))


def _flags_of(command: click.Command, part: str, arguments: tuple[str, ...]) -> dict[str, Any]:
    """The flags of a stage as its command reads them."""
    try:
        with command.make_context(arguments[0], list(arguments[1:])) as context:
            return dict(context.params)
    except click.UsageError as error:
        raise UsageError(f"{part}: {error.format_message()}") from None
