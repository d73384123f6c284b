"""A study as it will be run: its YAML, and every `--set` where it belongs."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.errors import UsageError, unknown_name
from harness.spec_files import check, is_path, load_yaml
from harness.specs import SftTraining, StudySpec
from harness.specs.studies import StudyJudge
from harness.study.beside import anchored
from harness.training.recipe import Recipe, known_recipes, load_recipe, parse_override, put

STUDIES = Path(__file__).resolve().parent / "studies"
OWN = frozenset(StudySpec.model_fields)  # keys that are the study's, not the recipes'


@dataclass(frozen=True, slots=True)
class Member:
    """One model of a study: its label, its recipe, and the `--set` that change it."""

    label: str
    name: str
    overrides: tuple[str, ...]
    recipe: Recipe

    @property
    def spec(self) -> SftTraining:
        """The recipe as it stands after the overrides."""
        assert isinstance(self.recipe.spec, SftTraining)
        return self.recipe.spec


@dataclass(frozen=True, slots=True)
class Study:
    """A checked study; `overrides` are those that were typed."""

    spec: StudySpec
    members: tuple[Member, ...]
    overrides: tuple[str, ...]
    notices: tuple[str, ...]


def known_studies() -> dict[str, Path]:
    """Name -> file of every study that ships."""
    return {path.stem: path for path in sorted(STUDIES.glob("*.yaml"))}


def read_study(path: Path) -> StudySpec:
    """The checked study in a file; SpecError lists every bad field."""
    return check(load_yaml(path), StudySpec, path)


def resolve(name: str, overrides: Sequence[str] = ()) -> Study:
    """The study of that name (or file) with its `--set` applied.

    A key of the study changes the study; `LABEL.key` and `RECIPE.key` one recipe; any other key
    every recipe that has it (rows of a source only where the recipe draws from it). Raises
    UsageError for an unknown name or key, and where nobody is named to judge.
    """
    path = _file(name)
    spec = anchored(read_study(path), path.parent)
    changed: dict[str, Any] = spec.model_dump()
    theirs: list[str] = []
    for text in overrides:
        key, value = parse_override(text)
        if key.split(".")[0] not in OWN:
            theirs.append(text)
        elif key == "recipes":
            changed["recipes"] = _chosen(spec, value)
        else:
            _own(changed, key, value)
    if spec.reference == changed["reference"] and spec.reference not in changed["recipes"]:
        changed["reference"] = None  # it was left out of the list
    _names_known(changed)
    spec = check(changed, StudySpec, Path("--set") if overrides else path)
    _needs_judge(spec)
    members, notices = _members(spec, theirs)
    return Study(spec, members, tuple(overrides), notices)


def _file(name: str) -> Path:
    if is_path(name):
        return Path(name)
    known = known_studies()
    if name not in known:
        raise UsageError(unknown_name("study", name, known))
    return known[name]


def _own(document: dict[str, Any], key: str, value: Any) -> None:
    """Set a key of the study; a judge that was none becomes one by its first key."""
    head, _, rest = key.partition(".")
    if head == "judge" and rest and not isinstance(document["judge"], dict):
        document["judge"] = StudyJudge().model_dump()
    place, _, flag = rest.partition(".")
    if head in ("task_data", "set") and rest and isinstance(document[head], dict):
        document[head][rest] = value
    elif place == "flags" and flag and isinstance(document[head], dict):
        flags = document[head].get("flags") or {}
        put(document, f"{head}.flags", flags | {flag: value})
    else:
        put(document, key, value)


def _names_known(document: Mapping[str, Any]) -> None:
    """UsageError for a reference or a task of task_data that the study does not have."""
    reference, tasks, data = (document[key] for key in ("reference", "tasks", "task_data"))
    if isinstance(reference, str) and reference not in document["recipes"]:
        raise UsageError(
            "--set reference: " + unknown_name("label", reference, document["recipes"])
        )
    for task in data if isinstance(data, dict) else ():
        if task not in (known := [tasks] if isinstance(tasks, str) else tasks):
            raise UsageError("--set task_data: " + unknown_name("task", task, known))


def _chosen(spec: StudySpec, value: Any) -> dict[str, Any]:
    """The recipes named by label or by name; others that ship under their own names."""
    if isinstance(value, dict):
        return value
    wanted = [value] if isinstance(value, str) else value
    if not isinstance(wanted, list):
        raise UsageError(f"--set recipes={value}: write a list, for example recipes=[CW,G]")
    found: dict[str, Any] = {}
    by_name = {one.recipe: label for label, one in spec.recipes.items()}
    for one in map(str, wanted):
        label = one if one in spec.recipes else by_name.get(one)
        if label is not None:
            found[label] = spec.recipes[label].model_dump()
        elif one in known_recipes() or is_path(one):
            found[Path(one).stem] = {"recipe": one}
        else:
            known = [*spec.recipes, *known_recipes()]
            raise UsageError("--set recipes: " + unknown_name("recipe", one, known))
    return found


def _needs_judge(spec: StudySpec) -> None:
    if spec.judge is not None and spec.judge.model is None and not spec.human:
        raise UsageError(
            "nobody is named to judge: --set judge.model=MODEL (openai:NAME, a folder, ...), "
            "--set human=FILE for people's rankings, or --set judge=none to end after measuring"
        )


def _members(spec: StudySpec, theirs: Sequence[str]) -> tuple[tuple[Member, ...], tuple[str, ...]]:
    """Every recipe with what is changed in it; what was meant for none of them is an error."""
    addressed = {*spec.recipes, *(one.recipe for one in spec.recipes.values())}
    used: set[str] = set()
    members = []
    for label, one in spec.recipes.items():
        own = [_typed(key, value) for key, value in (spec.set | one.set).items()]
        bare = load_recipe(one.recipe, own)
        if not isinstance(bare.spec, SftTraining):
            raise UsageError(f"recipes.{label}: {one.recipe} trains no writer")
        own += _scaled(bare.spec, spec.scale)
        document = bare.spec.model_dump()
        for text in theirs:
            key, value = parse_override(text)
            if (whose := _whose(key, addressed)) is not None:
                if whose in (label, one.recipe):
                    used.add(text)
                    own.append(_typed(key[len(whose) + 1 :], value))
            elif _has(document, key):
                used.add(text)
                if _draws(document, key):
                    own.append(text)
        members.append(Member(label, one.recipe, tuple(own), load_recipe(one.recipe, own)))
    for text in theirs:
        if text not in used:
            raise UsageError(_unknown(parse_override(text)[0], addressed, members))
    return tuple(members), _same(members)


def _whose(key: str, addressed: Collection[str]) -> str | None:
    """The label or recipe that a key begins with, the longest: it may hold dots itself."""
    found = [name for name in addressed if key.startswith(f"{name}.")]
    return max(found, key=len, default=None)


def _unknown(key: str, addressed: Collection[str], members: Sequence[Member]) -> str:
    """What to say of a key that no recipe has: the part of it that is wrong."""
    place: Any = members[0].spec.model_dump()
    for part in key.split("."):
        if not isinstance(place, dict) or part not in place:
            break
        place = place[part]
    known = list(place) if isinstance(place, dict) else []
    if part == key.split(".")[0]:
        known += [*OWN, *addressed]
    return f"--set {key}: " + unknown_name("key", part, known)


def _typed(key: str, value: Any) -> str:
    return f"{key}={json.dumps(value, ensure_ascii=False)}"


def _has(document: Mapping[str, Any], key: str) -> bool:
    """Whether a recipe has the key, or a mapping on the way that takes any."""
    place: Any = document
    for part in key.split("."):
        if place is None or (isinstance(place, dict) and key.startswith("contamination_data.")):
            return True  # lora, target: the recipe's own check has the word
        if not isinstance(place, dict) or part not in place:
            return False
        place = place[part]
    return True


def _draws(document: Mapping[str, Any], key: str) -> bool:
    """False for numbers of rows of a source that the recipe draws nothing from."""
    parts = key.split(".")
    if parts[0] != "data" or parts[-1] not in ("n", "eval_n") or len(parts) != 3:
        return True
    return bool(document["data"][parts[1]]["n"] != 0)


def _scaled(recipe: SftTraining, scale: float) -> list[str]:
    """The recipe's numbers of rows times `scale`, at least one where there were any; "all" where
    nobody can say how many that is stays all."""
    if scale == 1:
        return []
    found = []
    for name, source in recipe.data.items():
        n = source.n
        if n is None and source.file is None and source.hub is not None:
            n = source.hub.expect
        if n:
            found.append(f"data.{name}.n={max(1, round(n * scale))}")
        if source.eval_n:
            found.append(f"data.{name}.eval_n={max(1, round(source.eval_n * scale))}")
    return found


def _same(members: Sequence[Member]) -> tuple[str, ...]:
    """A notice for models that would come out the same."""
    seen: dict[str, str] = {}
    said = []
    for member in members:
        key = member.spec.model_dump_json(exclude={"name", "about"})
        if key in seen:
            said.append(f"{member.label} and {seen[key]} are trained on the same: one model twice")
        seen.setdefault(key, member.label)
    return tuple(said)
