"""Ways measured in turn, round after round, so that a machine that slows down does so for all."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from harness.progress import Progress

T = TypeVar("T")
_FIRST, _LAST = "tokenising", "scoring"  # the pieces of work of a scoring job


def in_turn(
    ways: Mapping[str, Callable[[], T]], repeats: int, progress: Progress
) -> dict[str, list[T]]:
    """What each way gave in each round; every other round runs backwards."""
    found: dict[str, list[T]] = {name: [] for name in ways}
    progress.start("measuring", len(ways) * repeats, "ways")
    for round_number in range(repeats):
        for name in list(ways)[:: -1 if round_number % 2 else 1]:
            found[name].append(ways[name]())
            progress.advance(1)
    progress.finish()
    return found


def spread(seconds: Sequence[float]) -> float:
    """Half the range over the median; 0 where a way was measured once."""
    return (max(seconds) - min(seconds)) / 2 / statistics.median(seconds)


def times(usual: Sequence[float], seconds: Sequence[float]) -> float:
    """How many times faster than the usual way: the median over rounds, each in itself."""
    return statistics.median(u / s for u, s in zip(usual, seconds, strict=True))


class Stopwatch:
    """The progress of a scoring job, of which only the time from strings to scores is kept."""

    def __init__(self) -> None:
        self._began = self._ended = 0.0
        self._doing = ""

    def notice(self, message: str) -> None: ...

    def advance(self, n: int, *, tokens: int = 0) -> None: ...

    def start(self, what: str, total: int, unit: str) -> None:
        self._doing = what
        if what == _FIRST:
            self._began = time.perf_counter()

    def finish(self) -> None:
        if self._doing == _LAST and not self._ended:
            self._ended = time.perf_counter()

    @property
    def seconds(self) -> float:
        """From the beginning of tokenising to the last score."""
        assert self._began and self._ended, f"no {_FIRST} or no {_LAST} was told"
        return self._ended - self._began
