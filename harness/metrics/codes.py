"""Names as whole numbers: what a column of strings becomes in a table of numbers."""

from __future__ import annotations

from array import array
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt


class Numbering(dict[str | None, int]):
    """Name -> code in order of first sight, over as many columns as go through it."""

    def __missing__(self, name: str | None) -> int:
        self[name] = code = len(self)
        return code

    def sorted(self, column: array[int]) -> tuple[npt.NDArray[np.int64], tuple[str, ...]]:
        """A column of codes as places in the sorted names, and these; None becomes -1."""
        names = sorted(name for name in self if name is not None)
        rank = {name: code for code, name in enumerate(names)}
        codes = [-1 if name is None else rank[name] for name in self]
        return np.array(codes, np.int64)[np.array(column, np.int64)], tuple(names)


class Codes:
    """A column of names that grows: `extend` takes names, `sorted` gives it as numbers."""

    def __init__(self) -> None:
        self._codes = Numbering()
        self._column = array("q")

    def extend(self, names: Iterable[str]) -> None:
        """Append names; nothing a name needs is a Python statement."""
        self._column.extend(map(self._codes.__getitem__, names))

    def sorted(self) -> tuple[npt.NDArray[np.int64], tuple[str, ...]]:
        """The column as places in its distinct names, and these, sorted."""
        return self._codes.sorted(self._column)
