"""A training recipe: a strict YAML, and the `--set key=value` that change it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BeforeValidator, Field, model_validator

from harness.errors import UsageError, unknown_name
from harness.spec_files import check, load_yaml
from harness.specs import Name, StrictSpec

RECIPES = Path(__file__).resolve().parent / "recipes"


def _number(value: Any) -> Any:
    """YAML 1.1 reads 1e-3 (no dot) as text; whoever writes it means the number."""
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            return value
    return value


Number = Annotated[float, BeforeValidator(_number)]
Count = Annotated[int, Field(gt=0)]


class PairSource(StrictSpec):
    """Where a task's pairs come from; `file` replaces its own, as `--data TASK=FILE` does."""

    file: str | None = None


class TokenizerSettings(StrictSpec):
    """A byte-level BPE needs room for 256 bytes and its special tokens."""

    vocab_size: Annotated[int, Field(ge=300, le=200_000)]


class NetworkSettings(StrictSpec):
    """The shape of the network, in the words of transformers' Qwen2Config."""

    hidden_size: Count
    intermediate_size: Count
    num_hidden_layers: Count
    num_attention_heads: Count
    num_key_value_heads: Count
    max_position_embeddings: Count

    @model_validator(mode="after")
    def _divides(self) -> NetworkSettings:
        if self.hidden_size % (2 * self.num_attention_heads):
            raise ValueError("hidden_size must be a multiple of twice num_attention_heads")
        if self.num_attention_heads % self.num_key_value_heads:
            raise ValueError("num_attention_heads must be a multiple of num_key_value_heads")
        return self


class RewardTraining(StrictSpec):
    """A reward model trained from scratch on preference pairs.

    `data` maps task names to their pairs; `held_out` is the share of every genre kept from
    training; `batch_size` counts pairs.
    """

    kind: Literal["reward_training"]
    name: Name
    about: str = ""
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0
    data: dict[Name, PairSource] = Field(min_length=1)
    held_out: Annotated[Number, Field(gt=0, lt=1)] = 0.5
    tokenizer: TokenizerSettings
    model: NetworkSettings
    max_steps: Count
    batch_size: Count
    learning_rate: Annotated[Number, Field(gt=0, allow_inf_nan=False)]
    warmup_steps: Annotated[int, Field(ge=0)] = 0
    weight_decay: Annotated[Number, Field(ge=0, allow_inf_nan=False)] = 0.0


def known_recipes() -> dict[str, Path]:
    """Name -> file of every recipe that ships."""
    return {path.stem: path for path in sorted(RECIPES.glob("*.yaml"))}


def load_recipe(
    name: str, overrides: Sequence[str] = ()
) -> tuple[RewardTraining, Mapping[str, Any]]:
    """The recipe of that name (or file) with its overrides applied, and the overrides by key.

    Raises UsageError for an unknown recipe or a bad `--set`, SpecError for a bad file.
    """
    path = _recipe_file(name)
    document = load_yaml(path)
    recipe = check(document, RewardTraining, path)
    if not overrides:
        return recipe, {}
    parsed = dict(parse_override(text) for text in overrides)
    changed: dict[str, Any] = recipe.model_dump()
    for key, value in parsed.items():
        _put(changed, key, value)
    return check(changed, RewardTraining, Path("--set")), parsed


def _recipe_file(name: str) -> Path:
    path = Path(name)
    if path.suffix in (".yaml", ".yml") or "/" in name:
        return path
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


def _put(document: dict[str, Any], key: str, value: Any) -> None:
    """Set the value at a dotted key that must exist already."""
    *path, last = key.split(".")
    place: Any = document
    for depth, part in enumerate([*path, last]):
        if not isinstance(place, dict):
            raise UsageError(f"--set {key}: {'.'.join(path[:depth])} holds no keys")
        if part not in place:
            raise UsageError(f"--set {key}: " + unknown_name("key", part, place))
        if depth < len(path):
            place = place[part]
    place[last] = value
