"""A training recipe: a strict YAML, what it extends, and the `--set key=value` that change it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from harness.errors import UsageError, unknown_name
from harness.spec_files import SpecError, check, is_path, load_yaml
from harness.specs import AnyTraining, RewardTraining, SftTraining

RECIPES = Path(__file__).resolve().parent / "recipes"
KINDS: dict[str, type[AnyTraining]] = {"sft": SftTraining, "reward": RewardTraining}


@dataclass(frozen=True, slots=True)
class Recipe:
    """A checked recipe; `home` is the folder its files lie in, `overrides` what --set changed."""

    spec: AnyTraining
    home: Path
    overrides: Mapping[str, Any]


def known_recipes() -> dict[str, Path]:
    """Name -> file of every recipe that ships."""
    return {path.stem: path for path in sorted(RECIPES.glob("*.yaml"))}


def load_recipe(name: str, overrides: Sequence[str] = ()) -> Recipe:
    """The recipe of that name (or file) with its overrides applied.

    Raises UsageError for an unknown recipe or a bad `--set`, SpecError for a bad file.
    """
    path = _recipe_file(name)
    document = _whole(path)
    spec = check_recipe(document, path)
    if not overrides:
        return Recipe(spec, path.parent, {})
    parsed = dict(parse_override(text) for text in overrides)
    changed: dict[str, Any] = spec.model_dump()
    for key, value in parsed.items():
        put(changed, key, value)
        _absolute(changed, key)
    return Recipe(check_recipe(changed, Path("--set")), path.parent, parsed)


def is_training(document: Mapping[str, Any]) -> bool:
    """Whether a YAML is a recipe of ours: `kind: reward` alone also names a recipe of judges."""
    kind = document.get("kind")
    return "extends" in document or kind == "sft" or (kind == "reward" and "data" in document)


def read_recipe(path: Path) -> AnyTraining:
    """The checked recipe in a file, with what it extends; SpecError lists every bad field."""
    return check_recipe(_whole(path), path)


def check_recipe(document: dict[str, Any], path: Path) -> AnyTraining:
    """A mapping as the recipe of the kind it says it is."""
    kind = document.get("kind")
    if not isinstance(kind, str) or kind not in KINDS:
        raise SpecError(f"{path}: field kind: " + unknown_name("kind", str(kind), KINDS))
    return check(document, KINDS[kind], path)


def _whole(path: Path, below: tuple[Path, ...] = ()) -> dict[str, Any]:
    """The keys of a file laid over those of the recipe it extends."""
    document = load_yaml(path)
    parent = document.pop("extends", None)
    if parent is None:
        return document
    if not isinstance(parent, str):
        raise SpecError(f"{path}: field extends: must be the name of a recipe (got {parent!r})")
    file = path.parent / parent if is_path(parent) else known_recipes().get(parent)
    if file is None:
        raise SpecError(
            f"{path}: field extends: " + unknown_name("recipe", parent, known_recipes())
        )
    if file in (path, *below):
        raise SpecError(f"{path}: field extends: {parent} extends this recipe in its turn")
    whole = _whole(file, (path, *below))
    if file.parent != path.parent:
        _anchor(whole, file.parent)
    return _laid_over(whole, document)


def _laid_over(under: dict[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    found = dict(under)
    for key, value in over.items():
        below = found.get(key)
        both = isinstance(value, dict) and isinstance(below, dict)
        found[key] = _laid_over(below, value) if both else value  # type: ignore[arg-type]
    return found


def _anchor(document: Mapping[str, Any], home: Path) -> None:
    """Make the files of a recipe absolute, before it is extended in another folder."""
    for _, place, key in _files(document):
        if isinstance(place[key], str) and (home / place[key]).exists():
            place[key] = str(home / place[key])


def _absolute(document: dict[str, Any], key: str) -> None:
    """A file given by --set lies where the user stands, not beside the recipe."""
    for where, place, name in _files(document):
        inside = where.startswith(f"{key}.")
        if (where == key or inside) and isinstance(place[name], str):
            found = Path(place[name]).expanduser()
            if where == key or found.exists():
                place[name] = str(found.absolute())


def _files(document: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any], str]]:
    """The places of a recipe where files are named, each with its dotted key."""
    sources = document.get("data")
    for name, source in sources.items() if isinstance(sources, dict) else ():
        if isinstance(source, dict) and "file" in source:
            yield f"data.{name}.file", source, "file"
    tests = document.get("contamination_data")
    if isinstance(tests, dict):
        yield from ((f"contamination_data.{task}", tests, task) for task in tests)


def _recipe_file(name: str) -> Path:
    if is_path(name):
        return Path(name)
    known = known_recipes()
    if name not in known:
        raise UsageError(unknown_name("recipe", name, known))
    return known[name]


def parse_override(text: str) -> tuple[str, Any]:
    """`a.b=value` as its key and its value, typed as YAML types it."""
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise UsageError(f"--set {text}: write it as key=value, for example --set max_steps=20")
    try:
        return key.strip(), yaml.safe_load(value)
    except yaml.YAMLError as error:
        raise UsageError(f"--set {text}: not YAML: {' '.join(str(error).split())}") from None


OPEN = ("contamination_data",)  # mappings whose keys the user chooses


def put(document: dict[str, Any], key: str, value: Any) -> None:
    """Set the value at a dotted key that must exist already, but in a mapping of one's own keys."""
    *path, last = key.split(".")
    place: Any = document
    for depth, part in enumerate([*path, last]):
        if place is None and path[:depth] == ["lora"]:
            place = document["lora"] = {}
        if not isinstance(place, dict):
            raise UsageError(f"--set {key}: {'.'.join(path[:depth])} holds no keys")
        free = path[:depth] and path[depth - 1] in (*OPEN, "lora")
        if part not in place and not free:
            raise UsageError(f"--set {key}: " + unknown_name("key", part, place))
        if depth < len(path):
            place = place[part]
    place[last] = value
