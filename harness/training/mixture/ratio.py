"""How many rows of each source a ratio of creative to general asks for, and what it may be."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from harness.errors import DataError, UsageError
from harness.specs import SftTraining
from harness.training.mixture.draw import TooFew

CREATIVE = "creative"  # whatever has another name is general
_NO_RATIO = "--set ratio=null"


def wanted(recipe: SftTraining, sizes: Mapping[str, int]) -> dict[str, int | None]:
    """How many rows are drawn of each source to train on; null means all that can be.

    By `ratio` k the general sources whose n is not 0 have round(k * creative rows) together, in
    equal parts, the first of them one more where it does not divide. `sizes` has the rows of
    creative where its n is null; without it the general sources are null.
    """
    found = {name: source.n for name, source in recipe.data.items()}
    if recipe.ratio is None:
        return found
    creative = sizes.get(CREATIVE, found[CREATIVE])
    general = _general(recipe)
    total = None if creative is None else round(recipe.ratio * creative)
    for place, name in enumerate(general):
        found[name] = None if total is None else (total + len(general) - 1 - place) // len(general)
    return found


def ratio_of(sizes: Mapping[str, int]) -> float | None:
    """General over creative, where there is anything creative."""
    creative = sizes.get(CREATIVE, 0)
    return (sum(sizes.values()) - creative) / creative if creative else None


def check_ratio(recipe: SftTraining, creative: int | None) -> None:
    """UsageError for a ratio that no draw can have; `creative` is null while unknown."""
    if recipe.ratio is None:
        return
    said = f"ratio {recipe.ratio:g}: "
    if creative == 0:
        raise UsageError(
            f"{said}data.creative.n is 0, so there is no row to set it to; {_NO_RATIO}"
        )
    if not _general(recipe):
        raise UsageError(
            f"{said}no general source has an n above 0; --set data.NAME.n=null draws from one, "
            f"{_NO_RATIO} from none"
        )
    if creative is not None and round(recipe.ratio * creative) == 0:
        raise UsageError(f"{said}of {creative:,} creative rows that is no general row; {_NO_RATIO}")


def too_few(recipe: SftTraining, short: Sequence[TooFew], sizes: Mapping[str, int]) -> DataError:
    """The one error about all sources that have too few rows; `sizes` has those of creative."""
    general = _general(recipe)
    if recipe.ratio is None or not all(error.name in general for error in short):
        return DataError("\n".join(map(str, short)))
    creative = sizes[CREATIVE]
    # the first so many sources may have one row more than the others
    most = min(len(general) * error.drawable + general.index(error.name) for error in short)
    largest = math.floor(100 * most / creative) / 100
    lines = [f"ratio {recipe.ratio:g} of {creative:,} creative rows:", *(e.said for e in short)]
    way_out = f"--set ratio={largest}" if round(largest * creative) else _NO_RATIO
    return DataError("\n  ".join(lines) + f"\n{way_out}")


def _general(recipe: SftTraining) -> list[str]:
    return [name for name, one in recipe.data.items() if name != CREATIVE and one.n != 0]
