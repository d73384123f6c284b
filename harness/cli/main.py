"""The `harness` command: finds the verb, and turns a HarnessError into one short message."""

from __future__ import annotations

import importlib
import sys
import traceback
from typing import Any

import click

from harness.errors import HarnessError, unknown_name

# verb -> (module:command, what --help says); a literal table, so that --help imports no verb
VERBS = {
    "run": ("run:run", "Score or judge pairs with a model, or let it write; report per genre."),
    "ls": ("ls:ls", "List tasks, judges, recipes, models, metrics."),
    "validate": ("validate:validate", "Check task, genre, judge and recipe files."),
    "report": ("report:report", "Show finished runs by genre, tag, length, gap or source model."),
    "arena": ("arena:arena", "Set written texts against each other, judged by a model or people."),
    "compare": ("compare:compare", "Test whether runs over the same pairs differ."),
    "rescore": ("rescore:rescore", "Read a judge's stored answers again, by another rule."),
    "submit": ("submit:submit", "Pack a finished run for a leaderboard."),
    "leaderboard": ("leaderboard:leaderboard", "Build boards, verify submissions, audit tables."),
    "view": ("view:view", "One page to read what happened in a run, or in two."),
    "data": ("data:data", "Fetch, verify or describe a task's data."),
    "train": ("train:train", "Train a model from a recipe."),
    "study": ("study:study", "Train, write, measure, judge and report in one command."),
    "lm-eval-tasks": (
        "lm_eval_tasks:lm_eval_tasks",
        "Print the folder for `lm_eval --include_path`.",
    ),
    "bench": ("bench:bench", "Measure speed here, as ratios in one run."),
    "demo": ("demo:demo", "The whole road on shipped data, offline, in a minute."),
}


class Command(click.Command):
    """A command whose flags may be written with - or with _."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        return super().parse_args(ctx, [_underscored(arg) for arg in args])


def _underscored(arg: str) -> str:
    if not arg.startswith("--"):
        return arg
    name, equals, value = arg.partition("=")
    return "--" + name[2:].replace("-", "_") + equals + value


class Verbs(click.Group):
    """A group that imports a verb only when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in VERBS:
            return None
        module, _, attribute = VERBS[cmd_name][0].partition(":")
        command = getattr(importlib.import_module(f"harness.cli.{module}"), attribute)
        assert isinstance(command, click.Command)
        return command

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        if args and args[0] not in VERBS and not args[0].startswith("-"):
            raise click.UsageError(unknown_name("command", args[0], VERBS), ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, about) for name, (_, about) in VERBS.items()])


@click.command(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.version_option(None, "-V", "--version", package_name="writing-harness")
def cli(debug: bool) -> None:
    """Judge creative writing, and those who judge it, in Chinese and English.

    \b
    harness run --tasks wpb_zh,wpb_en --model PATH     score a reward model
    harness run --tasks wpb --model baseline:length    the null everybody should beat
    harness run --tasks coig_writer --model PATH       write, and measure what was written
    harness arena results/coig_writer_zh --model PATH  win rates of the writers, by a judge
    harness report results/wpb_zh/*                    tables of what was run
    harness demo                                       try it all, offline
    """


def main() -> None:
    """Run the command line; exit 0 ok, 1 failed, 2 wrong use."""
    debug = "--debug" in sys.argv[1:]
    arguments = [arg for arg in sys.argv[1:] if arg != "--debug"]
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a terminal that cannot show Chinese must not end a run
            stream.reconfigure(errors="replace")
    try:
        cli.main(arguments, prog_name="harness", standalone_mode=True)
    except (HarnessError, OSError) as error:
        if debug:
            traceback.print_exc()
        else:
            click.echo(f"harness: {error}", err=True)
        sys.exit(getattr(error, "exit_code", 1))
