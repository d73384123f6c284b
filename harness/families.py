"""Which family of models a name belongs to: for reports, never for how a model is run."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path

from harness.errors import UsageError
from harness.spec_files import SPECS, find_specs, load_yaml, parse_spec
from harness.specs import FamilyTable


def family_of(name: str, include: tuple[Path, ...] = ()) -> str | None:
    """The family of a judge or of a text's source by its name; None where no pattern fits.

    What stands behind the last "/" is looked at first, then the whole name. Tables of the user
    (`kind: families` under `include`) come before the one that ships. Raises UsageError where
    two of the user's tables put it into two families. docs/design.md 5.14.
    """
    folded = name.strip().casefold()
    for part in dict.fromkeys((folded.rpartition("/")[2], folded)):
        for tables in _tables(include):
            fits = {family: table for table in tables for family in _fitting(part, table)}
            if len(fits) > 1:
                where = ", ".join(f"{family} ({fits[family].name})" for family in sorted(fits))
                raise UsageError(f"{name!r} fits two families of models: {where}; mend the tables")
            if fits:
                return next(iter(fits))
    return None


def known_families(include: tuple[Path, ...] = ()) -> tuple[str, ...]:
    """The names of all families, sorted."""
    return tuple(
        sorted({f for tables in _tables(include) for table in tables for f in table.families})
    )


def _fitting(name: str, table: FamilyTable) -> list[str]:
    return [
        family
        for family, patterns in table.families.items()
        if any(fnmatchcase(name, pattern.casefold()) for pattern in patterns)
    ]


@cache
def _tables(include: tuple[Path, ...]) -> tuple[tuple[FamilyTable, ...], ...]:
    """The tables of the user, then those that ship; a user's file of the same name wins."""
    shipped = find_specs("judges")
    found: Mapping[bool, list[FamilyTable]] = {True: [], False: []}
    for name, path in find_specs("judges", include).items():
        if SPECS.get(str(load_yaml(path).get("kind"))) is FamilyTable:
            table = parse_spec(path)
            assert isinstance(table, FamilyTable)
            found[path != shipped.get(name)].append(table)
    return tuple(found[True]), tuple(found[False])
