"""The pydantic models of every YAML a person writes, and the one door they come in by."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, get_args

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from harness.bundled import bundled_dir
from harness.errors import UsageError, unknown_name
from harness.records import Language

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_]*$")]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class SpecError(UsageError):
    """A YAML file that is not what its kind asks for; lists every bad field at once."""


class StrictSpec(BaseModel):
    """The base of every spec: unknown keys and wrong types are refused, nothing changes later."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Source(StrictSpec):
    """Where a task's data comes from: the hub, or a file beside the YAML when `repo` is null."""

    reader: Literal["wpb"]
    file: str
    repo: str | None = None
    revision: str | None = None
    sha256: Sha256 | None = None
    expect: Annotated[int, Field(gt=0)] | None = None

    @model_validator(mode="after")
    def _pinned(self) -> Source:
        if self.repo is not None and (self.revision is None or self.sha256 is None):
            raise ValueError("a hub source needs a pinned revision and a sha256")
        return self


class TaskSpec(StrictSpec):
    """A preference task (docs/design.md 4.2). `metrics` are names in the metric table."""

    kind: Literal["preference"]
    name: Name
    about: str = ""
    language: Language
    source: Source
    genres: str
    metrics: tuple[str, ...] = Field(min_length=1, strict=False)


class GroupSpec(StrictSpec):
    """A name for several tasks; every member gets a run folder of its own."""

    kind: Literal["group"]
    name: Name
    about: str = ""
    tasks: tuple[Name, ...] = Field(min_length=1, strict=False)


class GenreMap(StrictSpec):
    """A table from tags to macro genres; a tag may stand in one genre only."""

    kind: Literal["genres"]
    name: Name
    about: str = ""
    genres: dict[str, Annotated[tuple[str, ...], Field(strict=False)]] = Field(min_length=1)


class Match(StrictSpec):
    """Which checkpoints a recipe is for, by `architectures` and values of config.json.

    `architectures` are exact names, or a pattern with a leading "*"; `config` holds exact
    values by key. The path or hub name of a model is never looked at.
    """

    architectures: tuple[str, ...] = Field(min_length=1, strict=False)
    config: dict[str, Any] = Field(default_factory=dict)


class Input(StrictSpec):
    """How prompt and text become tokens.

    `chat` renders the checkpoint's chat template, with a system message where `system` is not
    null (an empty string is sent as an empty message); `text` fills the jinja2 `template`
    (variables `prompt`, `text`) and uses no chat template; `pair` hands both to the tokenizer
    as a text pair, as encoders take them. `bos`: `auto` lets exactly one stand where the
    template or the tokenizer puts one, `none` removes it, `one` makes sure of it. `append` is
    a token that must stand last.
    """

    format: Literal["chat", "text", "pair"] = "chat"
    system: str | None = None
    template: str | None = None
    bos: Literal["auto", "none", "one"] = "auto"
    append: str | None = None

    @model_validator(mode="after")
    def _template(self) -> Input:
        if (self.format == "text") != (self.template is not None):
            raise ValueError("template is required with format: text, and only there")
        if self.format != "chat" and self.system is not None:
            raise ValueError(f"system has no place in format: {self.format}, only in format: chat")
        return self


class Head(StrictSpec):
    """How the score is read.

    `last_token`: the module `weights` of the checkpoint (one linear layer, or linear-ReLU-linear)
    applied in float32 to the last real token's hidden state. `forward`: the model's own pooled
    logits (encoders). `method`: a method of remote code, `method(tokenizer, chat)` for
    `get_score` or the attribute of its output for `score`. `index` picks among `outputs`.
    """

    read: Literal["last_token", "forward", "method", "output"] = "last_token"
    weights: str = "score"
    name: str | None = None
    outputs: Annotated[int, Field(gt=0)] = 1
    index: Annotated[int, Field(ge=0)] = 0

    @model_validator(mode="after")
    def _consistent(self) -> Head:
        if self.index >= self.outputs:
            raise ValueError(f"index {self.index} is not below outputs {self.outputs}")
        if (self.read in ("method", "output")) != (self.name is not None):
            raise ValueError("name is required with read: method or output, and only there")
        return self


class RewardRecipe(StrictSpec):
    """How one family of reward models is to be run (a judge file of kind reward)."""

    kind: Literal["reward"]
    name: Name
    about: str = ""
    source: str = ""
    match: Match | None = None
    input: Input = Input()
    head: Head = Head()
    attention: tuple[Literal["packed", "eager", "sdpa"], ...] = Field(
        default=("packed", "sdpa", "eager"), min_length=1, strict=False
    )
    dtype: Literal["bfloat16", "float16", "float32"] = "bfloat16"
    max_length: Annotated[int, Field(gt=0)] | None = None
    remote_code: bool = False


SPECS: dict[str, type[StrictSpec]] = {
    "preference": TaskSpec,
    "group": GroupSpec,
    "genres": GenreMap,
    "reward": RewardRecipe,
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
    where = ".".join(str(part) for part in problem["loc"]) or "file"
    if problem["type"] == "extra_forbidden":
        known = _fields_at(model, problem["loc"][:-1])
        return f"field {where}: " + unknown_name("key", str(problem["loc"][-1]), known)
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


def spec_sha256(spec: BaseModel) -> str:
    """sha256 of the spec's canonical JSON: what it says, not how its file is laid out."""
    text = json.dumps(spec.model_dump(mode="json"), ensure_ascii=False, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


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
