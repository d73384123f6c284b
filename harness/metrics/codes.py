"""Names as whole numbers: what a column of strings becomes in a table of numbers."""

from __future__ import annotations

from array import array
from collections.abc import Iterable

import numpy as np

from harness.metrics.table import IntArray


class Codes:
    """A column of names that grows: `extend` takes names, `sorted` gives it as numbers."""

    def __init__(self) -> None:
        self._codes = _Numbering()
        self._column = array("q")

    def extend(self, names: Iterable[str]) -> None:
        """Append names; nothing a name needs is a Python statement."""
        self._column.extend(map(self._codes.__getitem__, names))

    def sorted(self) -> tuple[IntArray, tuple[str, ...]]:
        """The column as places in its distinct names, and these, sorted."""
        names = sorted(self._codes)
        rank = {name: code for code, name in enumerate(names)}
        place = np.array([rank[name] for name in self._codes], np.int64)
        return place[np.array(self._column, np.int64)], tuple(names)


class _Numbering(dict[str, int]):
    """Name -> code in order of first sight."""

    def __missing__(self, name: str) -> int:
        self[name] = code = len(self)
        return code
