"""A column of short strings as one block of bytes: a million ids in a few megabytes."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_CHUNK = 4096  # strings made at once


@dataclass(frozen=True, slots=True)
class Strings:
    """N strings in UTF-8, end to end in `blob`; `ends` (N) has where each of them ends."""

    blob: bytes | bytearray
    ends: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.ends)

    def __getitem__(self, place: int) -> str:
        begin = int(self.ends[place - 1]) if place else 0
        return self.blob[begin : int(self.ends[place])].decode("utf-8", "surrogatepass")

    def __iter__(self) -> Iterator[str]:
        begin = 0
        for start in range(0, len(self.ends), _CHUNK):
            for end in self.ends[start : start + _CHUNK].tolist():
                yield self.blob[begin:end].decode("utf-8", "surrogatepass")
                begin = end

    def take(self, rows: NDArray[np.int64]) -> Strings:
        """The strings at these places, in their order."""
        return strings_of(self[row] for row in rows.tolist())


class StringsBuilder:
    """A column of strings that grows."""

    def __init__(self) -> None:
        self._blob = bytearray()
        self._ends = array("q")

    def add(self, text: str) -> None:
        """Append a string."""
        self._blob += text.encode("utf-8", "surrogatepass")
        self._ends.append(len(self._blob))

    def done(self) -> Strings:
        """The column; the builder takes no more."""
        return Strings(self._blob, np.frombuffer(self._ends, np.int64))


def strings_of(texts: Iterable[str]) -> Strings:
    """A column of these strings."""
    builder = StringsBuilder()
    for text in texts:
        builder.add(text)
    return builder.done()
