"""Items as the parts of a page: gzip in base64, unpacked one by one as they are needed."""

from __future__ import annotations

import base64
import gzip
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from harness.errors import UsageError
from harness.viewer.items import Answer, Fold, Item, Panel, Side, View

ITEMS = 100  # in a part
CHARACTERS = 1 << 18  # of strings in a part, but for the last of them
LONGEST = 200_000  # characters shown of one string
MOST = 50_000  # items on a page: what a browser still scrolls through smoothly


@dataclass(frozen=True, slots=True)
class Packed:
    """The parts of a page, each safe between tags of HTML: the index, then items, then strings."""

    count: int
    index: str
    items: tuple[str, ...]
    strings: tuple[str, ...]


@dataclass(slots=True)
class _Strings:
    """Long strings, each once, by number in the order they came."""

    numbers: dict[str, int] = field(default_factory=dict)
    starts: list[int] = field(default_factory=list)  # the first number of every part
    parts: list[str] = field(default_factory=list)
    _open: list[str] = field(default_factory=list)
    _size: int = 0

    def add(self, text: str) -> int:
        known = self.numbers.get(text)
        if known is not None:
            return known
        if not self._open:
            self.starts.append(len(self.numbers))
        self.numbers[text] = len(self.numbers)
        self._open.append(_shown(text))
        self._size += len(self._open[-1])
        if self._size >= CHARACTERS:
            self.close()
        return self.numbers[text]

    def close(self) -> None:
        if self._open:
            self.parts.append(blob(self._open))
        self._open, self._size = [], 0


def pack(view: View) -> Packed:
    """The items of a view as parts; the same items give the same bytes.

    UsageError for more items than a page can hold.
    """
    strings = _Strings()
    rows: list[list[Any]] = []
    facets: list[Mapping[str, tuple[str, ...]]] = []
    sorts: list[Mapping[str, float | None]] = []
    parts: list[str] = []
    items = iter(view.items)
    while some := tuple(islice(items, ITEMS)):
        told = []
        for item in some:
            used: set[int] = set()
            told.append(_item(item, strings, used))
            rows.append([item.id, item.title, item.sub, item.marks, sorted(used)])
            facets.append(item.facets)
            sorts.append(item.sorts)
        parts.append(blob(told))
        if len(rows) > MOST:
            raise UsageError(
                f"more than {MOST:,} {view.noun} are too many for one page; view a run made with "
                "--limit or --genres"
            )
    strings.close()
    index = {
        "rows": rows,
        "facets": [
            one
            for name in _names(facets)
            if (one := _facet(name, [values.get(name, ()) for values in facets]))
        ],
        "sorts": [
            {"name": name, "of": [values.get(name) for values in sorts]} for name in _names(sorts)
        ],
        "order": view.order,
        "noun": view.noun,
        "starts": strings.starts,
        "size": ITEMS,
    }
    return Packed(len(rows), blob(index), tuple(parts), tuple(strings.parts))


def _names(of: Iterable[Mapping[str, Any]]) -> list[str]:
    """All keys, in the order they first stand."""
    return list(dict.fromkeys(name for one in of for name in one))


def blob(value: Any) -> str:
    """JSON as gzip as base64; half a surrogate pair becomes a question mark."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    packed = gzip.compress(text.encode("utf-8", "replace"), compresslevel=6, mtime=0)
    return base64.b64encode(packed).decode("ascii")


def _shown(text: str) -> str:
    if len(text) <= LONGEST:
        return text
    return f"{text[:LONGEST]}\n[cut here: {len(text) - LONGEST:,} more characters]"


def _facet(name: str, of: list[tuple[str, ...]]) -> Mapping[str, Any] | None:
    """A filter: its values, most frequent first, and those of each item by number; None where it
    would tell nothing apart."""
    counts = Counter(value for values in of for value in values)
    labels = sorted(counts, key=lambda label: (-counts[label], label))
    if len(labels) < 2 and all(counts[label] == len(of) for label in labels):
        return None
    code = {label: number for number, label in enumerate(labels)}
    return {
        "name": name,
        "labels": labels,
        "counts": [counts[label] for label in labels],
        "of": [[code[value] for value in values] for values in of],
    }


def _item(item: Item, strings: _Strings, used: set[int]) -> dict[str, Any]:
    """An item with a number in the place of every long string; `used` collects the numbers."""

    def number(text: str | None) -> int | None:
        if text is None:
            return None
        found = strings.add(text)
        used.add(found)
        return found

    def fold(one: Fold) -> dict[str, Any]:
        return {"name": one.name, "text": number(one.text), "open": one.open}

    def answer(one: Answer) -> dict[str, Any]:
        folds = [fold(inner) for inner in one.folds]
        return {"head": one.head, "mark": one.mark, "facts": one.facts, "folds": folds}

    def panel(one: Panel) -> dict[str, Any]:
        return {"title": one.title, "answers": [answer(inner) for inner in one.answers]}

    def side(one: Side) -> dict[str, Any]:
        return {
            "title": one.title,
            "text": number(one.text),
            "note": one.note,
            "mark": one.mark,
            "preferred": one.preferred,
            "facts": one.facts,
            "flags": one.flags,
            "folds": [fold(inner) for inner in one.folds],
            "answers": [answer(inner) for inner in one.answers],
        }

    return {
        "prompt": number(item.prompt),
        "facts": item.facts,
        "sides": [side(one) for one in item.sides],
        "panels": [panel(one) for one in item.panels],
    }
