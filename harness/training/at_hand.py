"""What of a recipe lies on this machine already: its base and its data; nothing is fetched."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from harness.data.fetch import NotAtHandError, source_file
from harness.data.triplet_source import source_files
from harness.errors import DataError
from harness.progress import Progress
from harness.spec_files import load_named
from harness.specs import RewardTraining, TaskSpec, Training
from harness.training.mixture.contamination import load_test_texts
from harness.training.network import Base, open_base
from harness.training.recipe import Recipe


def base_at_hand(spec: Training) -> tuple[Base | None, tuple[str, ...]]:
    """The base where its config and tokenizer lie here, and what is to be fetched of it.

    A hub's is looked up in the cache alone. Raises what `open_base` raises for a folder.
    """
    name = spec.base
    if name is None:
        return Base(None), ()
    if name.startswith((".", "/", "~")) or name.count("/") != 1 or Path(name).exists():
        return open_base(spec), ()
    from huggingface_hub import try_to_load_from_cache

    missing = (f"base {name} (fetched when training begins, or --set base=DIR)",)
    found = try_to_load_from_cache(name, "config.json", revision=spec.base_revision)
    if not isinstance(found, str):
        return None, missing
    folder = Path(found).parent
    if not any(folder.glob("tokenizer*")):
        return None, missing
    opened = open_base(spec.model_copy(update={"base": str(folder)})).checkpoint
    assert opened is not None
    whole = any(folder.glob("*.safetensors")) or any(folder.glob("*.bin"))
    base = Base(replace(opened, name=name, revision=folder.name))
    return base, () if whole else missing


def data_gaps(recipe: Recipe, progress: Progress) -> tuple[str, ...]:
    """What is to be fetched before the data can be read: a message each, all of them.

    UsageError for a file of one's own that is not there.
    """
    spec, found = recipe.spec, []
    if isinstance(spec, RewardTraining):
        for task in (task for task, one in spec.data.items() if one.file is None):
            try:
                source_file(load_named("tasks", task, TaskSpec, "task"), at_hand=True)
            except NotAtHandError as error:
                found.append(str(error))
        return tuple(found)
    for name, source in spec.data.items():
        if source.n == 0 and not source.eval_n:
            continue
        try:
            source_files(source, name=name, home=recipe.home, at_hand=True, progress=progress)
        except NotAtHandError as error:
            found.append(str(error))
    try:
        load_test_texts(spec, home=recipe.home)
    except DataError as error:  # training does not fetch these: it would end here
        found.append(str(error))
    return tuple(found)
