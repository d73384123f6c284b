"""What the viewer shows, whatever the kind of run: items with sides, answers and facts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

# one letter a mark; view pages draw them as signs
MARKS: Mapping[str, str] = {
    "chosen": "c",
    "rejected": "r",
    "tie": "t",
    "unparsed": "u",
    "error": "e",
    "a": "a",
    "b": "b",
    "flag": "f",
}
BETWEEN = "|"  # stands between the marks of two judges

Facts = tuple[tuple[str, str], ...]  # names with their values


@dataclass(frozen=True, slots=True)
class Fold:
    """A long string under a name; folded unless `open`."""

    name: str
    text: str
    open: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """One verdict or rating: what it is about, its mark (a value of MARKS, or none), facts."""

    head: str
    mark: str
    facts: Facts = ()
    folds: tuple[Fold, ...] = ()


@dataclass(frozen=True, slots=True)
class Panel:
    """The verdicts of one judge on an item."""

    title: str
    answers: tuple[Answer, ...]


@dataclass(frozen=True, slots=True)
class Side:
    """One text of an item, or `note`: why there is none. `mark` is what verdicts call it,
    `preferred` the judgement of people in the data; `answers` are ratings of this text alone."""

    title: str
    text: str | None
    note: str | None = None
    mark: str = ""
    preferred: bool = False
    facts: Facts = ()
    flags: tuple[str, ...] = ()
    folds: tuple[Fold, ...] = ()
    answers: tuple[Answer, ...] = ()


@dataclass(frozen=True, slots=True)
class Item:
    """One pair, prompt or match. `title`, `sub` and `marks` stand in the list of items; `facets`
    are the values it is filtered by, `sorts` the numbers it is sorted by (null comes last)."""

    id: str
    title: str
    sub: str
    prompt: str | None
    marks: str
    facts: Facts = ()
    facets: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    sorts: Mapping[str, float | None] = field(default_factory=dict)
    panels: tuple[Panel, ...] = ()
    sides: tuple[Side, ...] = ()


@dataclass(frozen=True, slots=True)
class View:
    """Everything a page says. `noun` is what an item is, in plural; `order` the key of `sorts`
    that comes first, highest first, or null for the order of the files."""

    title: str
    noun: str
    facts: Facts
    notes: tuple[str, ...]
    items: Iterable[Item]
    order: str | None = None
