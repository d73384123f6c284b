"""`harness data`: fetch a task's data, verify what is at hand, or describe it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.cli.console import Console
from harness.cli.main import Command
from harness.cli.run import files, names
from harness.errors import HarnessError, UsageError, unknown_name

if TYPE_CHECKING:
    from harness.data import BadRows, Dataset, PromptSet
    from harness.specs import AnyTask

_DROPPED_SHOWN = 20


class _Group(click.Group):
    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        if args and args[0] not in self.commands and not args[0].startswith("-"):
            raise click.UsageError(unknown_name("command", args[0], self.commands), ctx)
        return super().resolve_command(ctx, args)


@click.group(cls=_Group)
def data() -> None:
    """Fetch, verify or describe the data of tasks.

    \b
    harness data fetch wpb              get the official files from the hub
    harness data verify wpb             is what lies here the file the tasks name?
    harness data stats wpb_zh           what to know before trusting the file
    harness data stats wpb_zh --data wpb_zh=pairs.jsonl
    harness data stats coig_writer      the same of the prompts of writing tasks
    """


_tasks = click.argument("tasks", metavar="TASK...", nargs=-1, required=True)
_include = click.option(
    "--include_path", multiple=True, type=click.Path(path_type=Path), metavar="DIR",
    help="A folder with your own YAML.",
)  # fmt: skip
_data = click.option("--data", multiple=True, metavar="TASK=FILE", help="A local file for a task.")


@dataclass(frozen=True, slots=True)
class _Task:
    """A task named on the command line; `home` is the folder of a YAML named by its path."""

    spec: AnyTask
    home: Path | None
    file: Path | None


def _named(
    given: tuple[str, ...], include: tuple[Path, ...], replaced: tuple[str, ...] = ()
) -> list[_Task]:
    """The tasks named, groups opened, each once, with the file that replaces its own."""
    from harness.spec_files import load_any
    from harness.specs import GroupSpec, TaskSpec, WritingSpec

    kinds: tuple[type[AnyTask], ...] = (TaskSpec, WritingSpec)
    own = files(replaced)
    found: dict[str, _Task] = {}
    for name in (one for text in given for one in names(text)):
        spec = load_any("tasks", name, (*kinds, GroupSpec), "task", include)
        for called in spec.tasks if isinstance(spec, GroupSpec) else (name,):
            member = load_any("tasks", called, kinds, "task", include)
            path = Path(called)
            home = path.parent if path.suffix or "/" in called else None
            found.setdefault(member.name, _Task(member, home, own.get(member.name)))
    for name in own:
        if name not in found:
            raise UsageError("--data: " + unknown_name("task of this command", name, found))
    return list(found.values())


@data.command(cls=Command)
@_tasks
@_include
def fetch(tasks: tuple[str, ...], include_path: tuple[Path, ...]) -> None:
    """Get the data of tasks from the hub, by pinned revision, and check it.

    The hub's own cache keeps the files (HF_HOME says where); HF_HUB_OFFLINE is respected.
    """
    from harness.data import verify_source

    for task in _named(tasks, include_path):
        done = verify_source(task.spec, include=include_path, home=task.home, progress=Console())
        click.echo(f"{task.spec.name}: ok, {done.rows:,} rows, {done.checked}: {done.path}")


@data.command(cls=Command)
@_tasks
@_data
@_include
def verify(tasks: tuple[str, ...], data: tuple[str, ...], include_path: tuple[Path, ...]) -> None:
    """Check what is at hand against the pinned sha256 and number of rows; fetches nothing.

    With --data the local file is checked: is it the one the task names?
    """
    from harness.data import verify_source

    failed = 0
    for task in _named(tasks, include_path, data):
        try:
            done = verify_source(
                task.spec, file=task.file, include=include_path, home=task.home, at_hand=True
            )
        except HarnessError as error:
            if error.exit_code != 1:
                raise
            failed += 1
            click.echo(f"{task.spec.name}: FAILED: {_one_line(task.spec.name, error)}")
        else:
            click.echo(f"{task.spec.name}: ok, {done.rows:,} rows, {done.checked}: {done.path}")
    if failed:
        raise click.exceptions.Exit(1)


def _one_line(task: str, error: HarnessError) -> str:
    lines = str(error).removeprefix(f"{task}: ").splitlines()
    return "; ".join(line.strip() for line in lines)


@data.command(cls=Command)
@_tasks
@_data
@click.option("--genre_map", metavar="NAME|FILE|tag", help="Another table of genres.")
@click.option(
    "--bad_rows",
    type=click.Choice(["refuse", "drop"]),
    default="refuse",
    show_default=True,
    help="Stop at bad rows, or leave them out.",
)
@click.option("--format", "form", type=click.Choice(["table", "json"]), default="table",
              show_default=True)  # fmt: skip
@_include
def stats(tasks: tuple[str, ...], data: tuple[str, ...], include_path: tuple[Path, ...],
          form: str, **flags: Any) -> None:  # fmt: skip
    """What a careful reader wants to know of a file before trusting a number from it.

    --format json gives one object, task by task.
    """
    loaded = []
    for task in _named(tasks, include_path, data):
        found = _load(task, include_path, flags["genre_map"], flags["bad_rows"])
        for message in (*found.notices, *_some(found.dropped, found.dropped_rows)):
            click.echo(f"{task.spec.name}: {message}", err=True)
        loaded.append((task.spec, found))
    if form == "json":
        click.echo(_json(loaded))
        return
    from harness.cli.data_tables import show

    for spec, found in loaded:
        show(spec, found)


def _load(
    task: _Task, include: tuple[Path, ...], genre_map: str | None, bad_rows: BadRows
) -> Dataset | PromptSet:
    from harness.data import load_pairs, load_prompts
    from harness.specs import WritingSpec

    if isinstance(task.spec, WritingSpec):
        return load_prompts(
            task.spec, file=task.file, include=include, home=task.home, progress=Console(),
            genre_map=genre_map, bad_rows=bad_rows,
        )  # fmt: skip
    return load_pairs(
        task.spec, file=task.file, include=include, home=task.home, progress=Console(),
        genre_map=genre_map, bad_rows=bad_rows,
    )  # fmt: skip


def _some(dropped: tuple[str, ...], rows: int) -> list[str]:
    shown = [f"left out: {message}" for message in dropped[:_DROPPED_SHOWN]]
    more = rows - len(shown)
    return [*shown, f"left out: {more:,} more rows"] if more else shown


def _json(loaded: list[tuple[AnyTask, Dataset | PromptSet]]) -> str:
    import json
    from dataclasses import asdict

    from harness.data import PromptSet
    from harness.data.prompt_stats import describe_prompts
    from harness.data.stats import describe

    said = {}
    for spec, found in loaded:
        stats = describe_prompts(found) if isinstance(found, PromptSet) else describe(found.pairs)
        said[spec.name] = {
            "kind": spec.kind,
            "language": spec.language,
            "file": found.file,
            "sha256": found.sha256,
            "replaced": found.replaced,
            "rows": found.rows,
            "dropped": found.dropped_rows,
            "genre_map": found.genre_map,
            **({"reader": found.reader} if isinstance(found, PromptSet) else {}),
            **asdict(stats),
        }
    return json.dumps(said, ensure_ascii=False, indent=1, allow_nan=False)
