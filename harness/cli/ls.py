"""`harness ls`: the names a command line may use, a line each."""

from __future__ import annotations

import ast
import shutil
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from harness.bundled import PACKAGE, bundled_dir
from harness.cli.main import Command
from harness.errors import UsageError

# section -> (folders, kinds of YAML in them)
_YAML = {
    "tasks": (("tasks",), ("preference", "writing", "group")),
    "genres": (("tasks",), ("genres",)),
    "recipes": (("judges", "training"), ("reward", "sft")),
    "studies": (("study",), ("study",)),
    "judges": (("judges",), ("pairwise", "pointwise")),
    "boards": (("leaderboards",), ("board",)),
}
# section -> (file, name of its literal table)
_TABLES = {
    "models": ("models/__init__.py", "MODELS"),
    "metrics": ("metrics/preference.py", "METRICS"),
    "writing_metrics": ("metrics/writing.py", "WRITING_METRICS"),
}
_SECTIONS = (*_YAML, *_TABLES)


@click.command(cls=Command)
@click.argument("what", type=click.Choice(_SECTIONS), required=False)
@click.option(
    "--include_path",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="A folder with your own YAML.",
)
def ls(what: str | None, include_path: tuple[Path, ...]) -> None:
    """List tasks, genre maps, recipes, studies, judges, boards, models, metrics; all by default.

    `metrics` are those of preference tasks, `writing_metrics` those of writing tasks. A task,
    recipe or judge is a YAML file: your own go in by --include_path, or by their path.
    """
    for directory in include_path:
        if not directory.is_dir():
            raise UsageError(f"--include_path {directory}: no such directory")
    broken: list[str] = []
    for section in (what,) if what else _SECTIONS:
        if section in _YAML:
            lines = sorted(_specs(*_YAML[section], include_path, broken))
        else:
            lines = list(_table(*_TABLES[section]))
        if what is None:
            click.echo(f"{section}:")
        indent = "" if what else "  "
        width = max((len(name) for name, _ in lines), default=0)
        for name, about in lines:
            click.echo(_folded(f"{indent}{name:<{width}}  ", about))
        if not lines:
            click.echo(f"{indent}(none)")
    if broken:
        raise UsageError("\n".join([*dict.fromkeys(broken), "see `harness validate`"]))


def _folded(head: str, about: str) -> str:
    """One line; on a terminal as many as it takes, with the names standing free."""
    if not sys.stdout.isatty():
        return (head + about).rstrip()
    columns = max(shutil.get_terminal_size().columns, len(head) + 20)
    return (
        textwrap.fill(
            about,
            columns,
            initial_indent=head,
            subsequent_indent=" " * len(head),
            break_on_hyphens=False,
        )
        or head.rstrip()
    )


def _specs(
    folders: tuple[str, ...], kinds: tuple[str, ...], include: tuple[Path, ...], broken: list[str]
) -> Iterator[tuple[str, str]]:
    """Name and one line of every YAML of these kinds; the user's own come before shipped ones.

    Read without the checks of harness.specs: importing pydantic alone takes the time that this
    command may take (docs/design.md 7). `harness validate` is for checking.
    """
    seen: set[str] = set()
    shipped = [_shipped(folder) for folder in folders]
    for directory in (*include, *shipped):
        for path in sorted([*directory.rglob("*.yaml"), *directory.rglob("*.yml")]):
            document = _document(path, broken)
            # a board is a folder of that name
            name = path.parent.name if document.get("kind") == "board" else path.stem
            if document.get("kind") in kinds and name not in seen:
                seen.add(name)
                yield name, _about(document)


def _shipped(folder: str) -> Path:
    own = {"training": PACKAGE / "training" / "recipes", "study": PACKAGE / "study" / "studies"}
    return own[folder] if folder in own else bundled_dir(folder)


def _document(path: Path, broken: list[str]) -> dict[str, Any]:
    import yaml

    try:
        with path.open(encoding="utf-8") as stream:
            document = yaml.load(stream, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except (yaml.YAMLError, UnicodeDecodeError, OSError) as error:
        broken.append(f"{path}: cannot be read: {' '.join(str(error).split())}")
        return {}
    return document if isinstance(document, dict) else {}


def _about(document: dict[str, Any]) -> str:
    about = str(document.get("about") or "")
    if document.get("kind") == "group":
        return f"{about} ({', '.join(map(str, document.get('tasks') or []))})".strip()
    trains = document.get("kind") == "sft" or "data" in document
    return f"for harness train: {about}" if trains else about


def _table(file: str, table: str) -> Iterator[tuple[str, str]]:
    """Name and one line of every entry of a literal table in our own source.

    Read as text, because importing the modules would import numpy or more. The line is the
    first of the docstring of the function that the entry names.
    """
    tree = _source(PACKAGE / file)
    homes = {
        alias.asname or alias.name: node.module or ""
        for node in tree.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    for key, value in _entries(tree, table):
        if isinstance(value, ast.Constant):  # "module:function"
            module, _, function = str(value.value).partition(":")
        else:
            function = value.id if isinstance(value, ast.Name) else ""
            module = homes.get(function, "")
        place = PACKAGE.parent.joinpath(*module.split(".")).with_suffix(".py") if module else None
        yield key, _first_line(_source(place) if place else tree, function)


def _source(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def _entries(tree: ast.Module, table: str) -> Iterator[tuple[str, ast.expr]]:
    for node in tree.body:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        named = any(isinstance(target, ast.Name) and target.id == table for target in targets)
        value = getattr(node, "value", None)
        if named and isinstance(value, ast.Dict):
            for key, entry in zip(value.keys, value.values, strict=True):
                yield str(getattr(key, "value", "")), entry


def _first_line(tree: ast.Module, function: str) -> str:
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name == function:
            return (ast.get_docstring(node) or "").partition("\n")[0]
    return ""
