"""`harness validate`: check YAML files before anything long is started with them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.console import Console
from harness.cli.main import Command
from harness.cli.run import files
from harness.errors import DataError, UsageError, unknown_name

if TYPE_CHECKING:
    from pydantic import BaseModel

    from harness.specs import AnyTask

_FOLDERS = ("tasks", "judges")


@click.command(cls=Command)
@click.argument("what", metavar="[NAME|FILE]...", nargs=-1)
@click.option(
    "--include_path",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="A folder with your own YAML.",
)
@click.option(
    "--data",
    multiple=True,
    metavar="TASK=FILE",
    help="Check a file of data, as a run of TASK would read it.",
)
def validate(what: tuple[str, ...], include_path: tuple[Path, ...], data: tuple[str, ...]) -> None:
    """Check YAML files (tasks, groups, genre maps, recipes, judges, price lists): every one that
    ships and those under --include_path, or the ones named. With --data, files of data.

    A line for each good file, all errors of each bad one; exit 1 where any is bad.
    """
    bad = 0
    chosen = [one for name in what for one in _find(name, include_path)]
    if not what and not data:
        chosen = [(path, True) for _, path in _known(include_path)]
    for path, found_by_name in dict.fromkeys(chosen):
        problems = _problems(path, found_by_name, include_path)
        bad += bool(problems)
        click.echo("\n".join(problems) if problems else f"{path}: ok")
    own = files(data)
    for task, path in own.items():
        bad += not _is_good_data(task, path, include_path)
    if bad:
        click.echo(f"{bad} of {len(set(chosen)) + len(own)} files are bad", err=True)
        raise click.exceptions.Exit(1)


def _is_good_data(task: str, path: Path, include: tuple[Path, ...]) -> bool:
    """Print what a reader of a task's data says of a file; whether it can be used."""
    from harness.data import load_pairs, load_prompts
    from harness.reports.text import plural
    from harness.spec_files import load_any
    from harness.specs import TaskSpec, WritingSpec

    spec = load_any("tasks", task, (TaskSpec, WritingSpec), "task", include)
    try:
        if isinstance(spec, TaskSpec):
            pairs = load_pairs(spec, file=path, include=include, progress=Console())
            held, notices = plural(len(pairs.pairs), "pair"), pairs.notices
        else:
            assert isinstance(spec, WritingSpec)
            prompts = load_prompts(spec, file=path, include=include, progress=Console())
            held, notices = plural(len(prompts.prompts), "distinct prompt"), prompts.notices
    except DataError as error:
        click.echo(str(error))
        return False
    for notice in notices:
        click.echo(f"{task}: {notice}", err=True)
    click.echo(f"{path}: ok, {held}")
    return True


def _known(include: tuple[Path, ...]) -> list[tuple[str, Path]]:
    """Name and file of everything that can be named, one's own before what ships.

    A task, a recipe and a study may share a name.
    """
    from harness.spec_files import find_specs
    from harness.study.resolve import known_studies
    from harness.training.recipe import known_recipes

    known = [*known_studies().items(), *known_recipes().items()]
    for folder in _FOLDERS:
        known += find_specs(folder, include).items()
    return known


def _find(name: str, include: tuple[Path, ...]) -> list[tuple[Path, bool]]:
    """The files of a name, or the file itself; whether it was found by its name."""
    path = Path(name)
    if path.suffix in (".json", ".jsonl"):
        raise UsageError(
            f"{name}: a file of data is checked as a task reads it: --data TASK={name}"
        )
    if path.suffix in (".yaml", ".yml") or "/" in name:
        if not path.is_file():
            raise UsageError(f"{name}: no such file")
        return [(path, False)]
    known = _known(include)
    found = [(path, True) for stem, path in dict.fromkeys(known) if stem == name]
    if not found:
        kinds = "task, genre map, recipe, study or judge"
        raise UsageError(unknown_name(kinds, name, {stem for stem, _ in known}))
    return found


def _problems(path: Path, found_by_name: bool, include: tuple[Path, ...]) -> list[str]:
    """Every error of one file, a line each, naming the file."""
    from harness.spec_files import SpecError

    try:
        spec = _parse(path)
    except SpecError as error:
        return str(error).splitlines()
    wrong = _cross_checks(spec, path, include)
    name = getattr(spec, "name", path.stem)
    if found_by_name and name != path.stem:
        wrong.append(f"field name: must be {path.stem!r} as the file's (got {name!r})")
    return [f"{path}: {line}" for problem in wrong for line in problem.splitlines()]


def _parse(path: Path) -> BaseModel:
    """The checked file, of whatever kind; the recipes of `harness train` and studies among them."""
    from harness.spec_files import load_yaml, parse_spec
    from harness.study.resolve import read_study
    from harness.training.recipe import is_training, read_recipe

    document = load_yaml(path)
    if is_training(document):
        return read_recipe(path)
    return read_study(path) if document.get("kind") == "study" else parse_spec(path)


def _cross_checks(spec: BaseModel, path: Path, include: tuple[Path, ...]) -> list[str]:
    """What a file says of others: metrics, genre map, members, its data file."""
    from harness.spec_files import load_any
    from harness.specs import GenreMap, GroupSpec, TaskSpec, WritingSpec

    wrong: list[str] = []
    if isinstance(spec, GroupSpec):
        for i, member in enumerate(spec.tasks):
            try:
                load_any("tasks", member, (TaskSpec, WritingSpec), "task", include)
            except UsageError as error:
                wrong.append(f"field tasks.{i}: {error}")
    elif isinstance(spec, GenreMap):
        from harness.data.genres import genre_table

        try:
            genre_table(spec)
        except UsageError as error:
            wrong += str(error).splitlines()
    elif isinstance(spec, TaskSpec | WritingSpec):
        wrong += _task_checks(spec, path, include)
    return wrong


def _task_checks(spec: AnyTask, path: Path, include: tuple[Path, ...]) -> list[str]:
    from harness.data import task_genres
    from harness.data.fetch import source_file
    from harness.errors import HarnessError

    known = _metric_names(spec)
    wrong = [
        f"field metrics.{i}: " + unknown_name("metric", name, known)
        for i, name in enumerate(spec.metrics)
        if name not in known
    ]
    try:
        task_genres(spec, include=include, home=path.parent)
    except UsageError as error:
        wrong.append(f"field genres: {error}")
    if spec.source.repo is None:
        try:
            source_file(spec, include=include, home=path.parent)
        except HarnessError as error:
            wrong.append(f"field source.file: {error}")
    return wrong


def _metric_names(spec: AnyTask) -> list[str]:
    """What a task of this kind may name under `metrics`."""
    if spec.kind == "writing":
        from harness.metrics.writing import WRITING_METRICS

        return list(WRITING_METRICS)
    from harness.metrics.preference import METRICS

    return list(METRICS)
