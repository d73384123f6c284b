"""The files that a study's YAML names lie beside it, as those of a training recipe do."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.spec_files import is_path
from harness.specs import StudySpec


def anchored(spec: StudySpec, home: Path) -> StudySpec:
    """The files that a study names, as they lie beside its YAML; others stay as they are."""

    def beside(file: str) -> str:
        return str((home / file).absolute()) if (home / file).exists() else file

    def keys(changes: Mapping[str, Any]) -> dict[str, Any]:
        return {
            key: beside(value) if key.endswith(".file") and isinstance(value, str) else value
            for key, value in changes.items()
        }

    recipes = {
        label: one.model_copy(
            update={
                "recipe": beside(one.recipe) if is_path(one.recipe) else one.recipe,
                "set": keys(one.set),
            }
        )
        for label, one in spec.recipes.items()
    }
    return spec.model_copy(
        update={
            "recipes": recipes,
            "set": keys(spec.set),
            "task_data": {task: beside(file) for task, file in spec.task_data.items()},
            "human": tuple(map(beside, spec.human)),
        }
    )
