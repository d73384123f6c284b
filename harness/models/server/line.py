"""The line of calls to be made: those that wait for another try, then new ones."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field

from harness.models.base import ChatRequest

_PLACES = 4  # calls that may wait for another try, for each that may be in flight
_PLACES_AT_LEAST = 256


@dataclass(slots=True)
class Call:
    """A request on its way: how often it failed, and how it was sent the last time."""

    request: ChatRequest
    failures: int = 0
    era: int = 0
    sent: frozenset[str] = field(default=frozenset())


class Line:
    """Hands out calls. Requests are drawn one by one, and none while too many wait already."""

    def __init__(self, requests: Iterator[ChatRequest], *, most_in_flight: int) -> None:
        self._requests = requests
        self._waiting: list[tuple[float, int, Call]] = []
        self._places = max(_PLACES_AT_LEAST, _PLACES * most_in_flight)
        self._order = itertools.count()
        self._drawn = False

    @property
    def over(self) -> bool:
        """Nothing waits and nothing new will come."""
        return self._drawn and not self._waiting

    @property
    def due(self) -> float | None:
        """When the first of those waiting may be made again."""
        return self._waiting[0][0] if self._waiting else None

    def next(self, now: float, *, choked: bool) -> Call | None:
        """A call whose wait is over, else a new one where there is room.

        `choked`: no new one while any waits.
        """
        if self._waiting and self._waiting[0][0] <= now:
            return heapq.heappop(self._waiting)[2]
        if self._drawn or len(self._waiting) >= (1 if choked else self._places):
            return None
        request = next(self._requests, None)
        self._drawn = request is None
        return None if request is None else Call(request)

    def again(self, call: Call, due: float) -> None:
        """A call to be made again, not before `due`."""
        heapq.heappush(self._waiting, (due, next(self._order), call))
