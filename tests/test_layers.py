"""Who may import whom, and what an import may cost: the shape of the house, checked on its source."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "harness"

# A part (module or package of harness) may import from the rows above its own, never below.
LAYERS: tuple[tuple[str, ...], ...] = (
    ("errors", "records", "progress", "bundled"),
    ("versions", "specs", "batching", "reasoning"),
    ("spec_files", "metrics", "prompts", "verdicts"),
    ("families",),
    ("data", "stored"),
    ("models",),
    ("executors",),
    ("asking",),
    ("store", "scoring", "judging", "writing"),
    ("reparse",),
    ("request", "results", "reports"),
    ("jobs",),
    ("runner", "rescore"),
    ("remeasure",),
    ("arena",),
    ("leaderboard", "viewer"),
    ("api", "training", "bench", "lm_eval_tasks"),
    ("study",),
    ("cli",),
)
LAYER = {part: number for number, parts in enumerate(LAYERS) for part in parts}
# Too slow, or too optional, to be loaded by importing one of our modules.
MODEL_LIBRARIES = frozenset(
    {"torch", "transformers", "tokenizers", "safetensors", "accelerate", "trl", "peft", "datasets"}
)
HEAVY = MODEL_LIBRARIES | {
    "pandas", "scipy.stats", "huggingface_hub", "rich", "jieba", "rjieba", "openai", "aiohttp",
    "httpx2",
}  # fmt: skip
MAY_IMPORT_MODEL_LIBRARIES = frozenset({"models", "training", "bench", "api", "lm_eval_tasks"})
# The inside of the engine is torch code through and through; whoever wants it imports it late.
TORCH_AT_THE_TOP = frozenset(
    {
        "harness.models.attention",
        "harness.models.chat.alone",
        "harness.models.chat.cache",
        "harness.models.chat.flight",
        "harness.models.engine",
        "harness.models.linears",
        "harness.models.chat.generate",
        "harness.models.lm_head",
        "harness.models.chat.sampler",
    }
)


@dataclass(frozen=True)
class Import:
    """An import statement: the module it names, its line, whether it runs when the file is loaded."""

    module: str
    line: int
    at_import: bool


def modules() -> dict[str, Path]:
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = modules()


@cache
def imports(name: str) -> tuple[Import, ...]:
    return tuple(_imports(ast.parse(MODULES[name].read_text(encoding="utf-8")), True))


def _imports(node: ast.AST, at_import: bool) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            for alias in child.names:
                yield Import(alias.name, child.lineno, at_import)
        elif isinstance(child, ast.ImportFrom):
            assert child.level == 0 and child.module, f"line {child.lineno}: write imports in full"
            for alias in child.names:  # `from package import module` names a module, too
                inner = f"{child.module}.{alias.name}"
                yield Import(inner if inner in MODULES else child.module, child.lineno, at_import)
        else:
            late = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            yield from _imports(child, at_import and not late and not _for_types_only(child))


def _for_types_only(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")


def part(module: str) -> str | None:
    """The part of the house a module of ours belongs to; None for the doors (harness, __main__)."""
    _, _, rest = module.partition(".")
    return rest.partition(".")[0] if rest and rest != "__main__" else None


def is_one_of(module: str, libraries: frozenset[str]) -> bool:
    return any(module == library or module.startswith(library + ".") for library in libraries)


def everywhere() -> Iterator[tuple[str, str, Import]]:
    """Every import of ours: module, the place as an editor finds it, the import."""
    for name, path in MODULES.items():
        for found in imports(name):
            yield name, f"{path.relative_to(ROOT)}:{found.line} imports {found.module}", found


def test_every_part_has_its_layer_and_every_layer_exists() -> None:
    assert {part(name) for name in MODULES} - {None} == set(LAYER)


def test_imports_point_to_earlier_layers_only() -> None:
    wrong = []
    for name, place, found in everywhere():
        mine = part(name)
        other = part(found.module) if found.module.startswith("harness") else None
        if mine and other and mine != other and LAYER[other] >= LAYER[mine]:
            wrong.append(place)
    assert wrong == []


def test_nothing_heavy_is_imported_when_a_module_is() -> None:
    assert [
        place
        for name, place, found in everywhere()
        if found.at_import
        and is_one_of(found.module, HEAVY)
        and not (name in TORCH_AT_THE_TOP and is_one_of(found.module, frozenset({"torch"})))
    ] == []


def test_model_libraries_are_imported_in_few_places_only() -> None:
    assert [
        place
        for name, place, found in everywhere()
        if is_one_of(found.module, MODEL_LIBRARIES) and part(name) not in MAY_IMPORT_MODEL_LIBRARIES
    ] == []


def reached(names: list[str], *, at_import: bool = False) -> set[str]:
    """The modules of ours that these lead to, by imports at the top alone or by all of them."""
    seen: set[str] = set()
    todo = list(names)
    while todo:
        name = todo.pop()
        if name in seen or name not in MODULES:
            continue
        seen.add(name)
        todo += [found.module for found in imports(name) if found.at_import or not at_import]
        # a.b brings a along; harness itself does nothing but offer its one function
        todo += [above for above in (name.rpartition(".")[0],) if above != "harness"]
    return seen


@pytest.mark.parametrize("numbers", ["metrics", "reports", "leaderboard", "viewer"])
def test_numbers_and_reports_reach_no_model_by_any_road(numbers: str) -> None:
    parts = {part(name) for name in reached([name for name in MODULES if part(name) == numbers])}
    assert numbers in parts
    assert parts & {"models", "training", "bench", "api"} == set()


def loaded_by(code: str) -> set[str]:
    """Names in sys.modules after a piece of Python ran in a process of its own."""
    program = f"import sys, json\n{code}\nprint('\\n' + json.dumps(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=True
    )
    return set(json.loads(done.stdout.splitlines()[-1]))


LIGHT = frozenset(
    {"numpy", "scipy", "pydantic", "yaml", "jinja2"}
)  # small, and still not for --help


@pytest.mark.parametrize(
    "code",
    [
        "import harness",
        "import harness.cli.main",
        "from click.testing import CliRunner; from harness.cli.main import cli\n"
        "assert CliRunner().invoke(cli, ['--help']).exit_code == 0",
    ],
    ids=["import harness", "import harness.cli.main", "harness --help"],
)
def test_starting_loads_neither_models_nor_numbers(code: str) -> None:
    assert loaded_by(code) & (HEAVY | LIGHT) == set()


def test_listing_tasks_loads_neither_models_nor_numbers() -> None:
    listed = (
        "from click.testing import CliRunner; from harness.cli.main import cli\n"
        "assert CliRunner().invoke(cli, ['ls', 'tasks']).exit_code == 0"
    )
    assert loaded_by(listed) & (HEAVY | LIGHT - {"yaml"}) == set()


def test_every_module_but_the_engine_loads_without_model_libraries() -> None:
    engine = {name for name in MODULES if reached([name], at_import=True) & TORCH_AT_THE_TOP}
    names = sorted(MODULES.keys() - engine - {"harness.__main__"})
    assert len(names) > len(MODULES) / 2
    everything = "\n".join(f"import {name}" for name in names)
    assert loaded_by(everything) & HEAVY == set()
