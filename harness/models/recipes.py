"""Which recipe a checkpoint is run by: the user's choice, or the most specific match."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from harness.errors import ModelError, UsageError
from harness.models.base import ChatModel, ModelSettings
from harness.models.checkpoint import Checkpoint
from harness.spec_files import find_specs, load_any, load_named, parse_spec
from harness.specs import Judge, Match, PairwiseJudge, PointwiseJudge, RewardRecipe

Matchable = RewardRecipe | PairwiseJudge | PointwiseJudge
Kinds = tuple[type[Matchable], ...]


def choose_recipe(checkpoint: Checkpoint, settings: ModelSettings) -> RewardRecipe:
    """The recipe named by --judge, or the one whose match says most of this config.json."""
    if settings.judge is not None:
        return load_named(
            "judges", settings.judge, RewardRecipe, "reward-model recipe", settings.include
        )
    found = _best((RewardRecipe,), checkpoint.config, settings, str(checkpoint.path))
    if found is None:
        raise ModelError(no_recipe(checkpoint))
    return cast(RewardRecipe, found)


def choose_judge(model: ChatModel, settings: ModelSettings) -> Judge:
    """The judge file named by --judge, the one made for this checkpoint, or `pairwise`."""
    kinds = (PairwiseJudge, PointwiseJudge)
    spec: Any = None
    if settings.judge is None:
        spec = _best(kinds, model.config, settings, model.name)
    if spec is None:
        name = settings.judge or "pairwise"
        spec = load_any("judges", name, kinds, "judge", settings.include)
    return cast(Judge, spec)


def _best(
    kinds: Kinds, config: Mapping[str, Any], settings: ModelSettings, where: str
) -> Matchable | None:
    """The file of these kinds whose match says most of a config.json; None where none holds."""
    best: list[tuple[tuple[int, int], Matchable]] = []
    for path in find_specs("judges", settings.include).values() if config else ():
        spec = parse_spec(path)
        if isinstance(spec, kinds) and spec.match is not None:
            strength = match_strength(spec.match, config)
            if strength is not None:
                best.append((strength, spec))
    if not best:
        return None
    top = max(strength for strength, _ in best)
    chosen = [spec for strength, spec in best if strength == top]
    if len(chosen) > 1:
        names = ", ".join(sorted(spec.name for spec in chosen))
        raise UsageError(f"{where}: several files fit ({names}); choose with --judge")
    return chosen[0]


def match_strength(match: Match, config: Mapping[str, Any]) -> tuple[int, int] | None:
    """(exact architecture, number of config keys) of a match that holds, else None."""
    names = [str(name) for name in config.get("architectures") or []]
    exact = any(name in match.architectures for name in names)
    suffixes = [pattern[1:] for pattern in match.architectures if pattern.startswith("*")]
    by_pattern = any(name.endswith(suffix) for name in names for suffix in suffixes)
    if not (exact or by_pattern):
        return None
    if any(_at(config, key) != value for key, value in match.config.items()):
        return None
    return int(exact), len(match.config)


def _at(config: Mapping[str, Any], key: str) -> Any:
    """The value at a dotted key."""
    value: Any = config
    for part in key.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def no_recipe(checkpoint: Checkpoint) -> str:
    """Why a checkpoint is not taken for a reward model, and what to do."""
    name = checkpoint.architecture
    if name.endswith(("ForCausalLM", "ForConditionalGeneration")):
        return (
            f"{checkpoint.path}: a {name} has no reward head and is never taken for a reward "
            f"model; --model likelihood:{checkpoint.path} scores texts by their likelihood"
        )
    if not name:
        return f"{checkpoint.path}: config.json names no architectures; choose with --judge RECIPE"
    return (
        f"{checkpoint.path}: no recipe knows the architecture {name}; name one with --judge, or "
        "write one (kind: reward, see `harness ls recipes`)"
    )
