"""The one door a YAML comes in by: found by name or path, checked, all its errors at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar, get_args

import yaml
from pydantic import BaseModel, ValidationError

from harness.bundled import bundled_dir
from harness.errors import UsageError, unknown_name
from harness.specs import (
    BoardSpec,
    FamilyTable,
    GenreMap,
    GroupSpec,
    PairwiseJudge,
    PointwiseJudge,
    PriceList,
    RewardRecipe,
    StrictSpec,
    TaskSpec,
    WritingSpec,
)


class SpecError(UsageError):
    """A YAML file that is not what its kind asks for; lists every bad field at once."""


SPECS: dict[str, type[StrictSpec]] = {
    "preference": TaskSpec,
    "writing": WritingSpec,
    "group": GroupSpec,
    "genres": GenreMap,
    "reward": RewardRecipe,
    "pairwise": PairwiseJudge,
    "pointwise": PointwiseJudge,
    "prices": PriceList,
    "families": FamilyTable,
    "board": BoardSpec,
}

Spec = TypeVar("Spec", bound=BaseModel)


def load_yaml(path: Path) -> dict[str, Any]:
    """The mapping in a YAML file, or a SpecError that names the file and the line."""
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise SpecError(f"{path}: not UTF-8 (byte {error.start})") from None
    except OSError as error:
        raise SpecError(f"{path}: {error.strerror or error}") from None
    try:
        document = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except yaml.YAMLError as error:
        raise SpecError(f"{path}: not YAML: {' '.join(str(error).split())}") from None
    if not isinstance(document, dict):
        raise SpecError(f"{path}: must be a mapping of keys to values")
    return document


def parse_spec(path: Path) -> BaseModel:
    """The checked spec of whatever kind the file says it is."""
    document = load_yaml(path)
    kind = document.get("kind")
    if not isinstance(kind, str) or kind not in SPECS:
        raise SpecError(f"{path}: field kind: " + unknown_name("kind", str(kind), SPECS))
    return check(document, SPECS[kind], path)


def check(document: dict[str, Any], model: type[Spec], path: Path) -> Spec:
    """Validate a mapping against its model; all bad fields in one message."""
    try:
        return model.model_validate(document)
    except ValidationError as error:
        problems = error.errors(include_url=False)
        # a list whose items are bad is not also too short
        inside = {problem["loc"][:-1] for problem in problems}
        told = [p for p in problems if p["type"] != "too_short" or p["loc"] not in inside]
        lines = [_line(problem, model) for problem in told]
        raise SpecError("\n".join(f"{path}: {line}" for line in lines)) from None


def _line(problem: Any, model: type[BaseModel]) -> str:
    """One readable line for one pydantic error."""
    where = ".".join(str(part) for part in problem["loc"])
    if problem["type"] == "extra_forbidden":
        known = _fields_at(model, problem["loc"][:-1])
        return f"field {where}: " + unknown_name("key", str(problem["loc"][-1]), known)
    if not problem["loc"]:  # of the file as a whole, which says nothing when printed
        return str(problem["msg"]).removeprefix("Value error, ")
    got = "" if problem["type"] == "missing" else f" (got {_short(problem['input'])})"
    return f"field {where}: {problem['msg'].removeprefix('Value error, ')}{got}"


def _fields_at(model: type[BaseModel], path: tuple[Any, ...]) -> list[str]:
    """The keys that are known where an error stands."""
    for part in path:
        if part not in model.model_fields:
            continue  # a key of a mapping, a place in a list
        inner = _models_in(model.model_fields[part].annotation)
        if not inner:
            return []
        model = inner[0]
    return list(model.model_fields)


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    """The models a type is made of, as dict[str, Model] or Model | None."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in get_args(annotation) for model in _models_in(part)]


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def find_specs(folder: str, include: tuple[Path, ...] = ()) -> dict[str, Path]:
    """Name -> file of every YAML in a shipped folder and under the user's include paths.

    A user's file of the same name wins over a shipped one; two of the user's are an error.
    """
    found = {path.stem: path for path in sorted(bundled_dir(folder).rglob("*.yaml"))}
    own: dict[str, Path] = {}
    for directory in include:
        if not directory.is_dir():
            raise UsageError(f"--include_path {directory}: no such directory")
        for path in sorted([*directory.rglob("*.yaml"), *directory.rglob("*.yml")]):
            if path.stem in own:
                raise UsageError(f"{path}: {path.stem!r} is also {own[path.stem]}")
            own[path.stem] = path
    return found | own


def is_path(name: str) -> bool:
    """Whether a name is the path of a user's own YAML."""
    return "/" in name or name.endswith((".yaml", ".yml"))


def load_named(
    folder: str, name: str, model: type[Spec], noun: str, include: tuple[Path, ...] = ()
) -> Spec:
    """A spec by its name, or by the path of a user's own file."""
    return load_any(folder, name, (model,), noun, include)


def load_any(
    folder: str,
    name: str,
    models: tuple[type[Spec], ...],
    noun: str,
    include: tuple[Path, ...] = (),
) -> Spec:
    """As `load_named`, for a name that may be one of several kinds."""
    path = Path(name)
    if not is_path(name):
        known = {
            stem: file
            for stem, file in find_specs(folder, include).items()
            if SPECS.get(str(load_yaml(file).get("kind"))) in models
        }
        if name not in known:
            raise UsageError(unknown_name(noun, name, known))
        path = known[name]
    spec = parse_spec(path)
    for model in models:
        if isinstance(spec, model):
            return spec
    raise UsageError(f"{path}: not a {noun} (its kind is {getattr(spec, 'kind', None)!r})")
