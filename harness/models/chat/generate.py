"""Answers many prompts with one model, as many at once as fit into memory.

Rows are read in with others of like length (`batching`), because padding costs computing there;
then they are answered beside all rows in flight, whatever their length, because a step costs the
reading of all weights however many rows share it. A row that ends makes room for the next at once.
Sampling reads nothing but the row itself (`sampler`), so neighbours move an answer by rounding
alone.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence

import torch

from harness.batching import Budget, plan_batches
from harness.models.chat.flight import Flight, Row, Rules

TOO_LARGE = "out of memory with this prompt alone"


class Load:
    """How many rows may be in flight: by their number and by tokens, prompt and answer, padded.

    `tokens` is null until the first rows show what a token takes; `reading` bounds the rows that
    are read in together.
    """

    def __init__(self, *, rows: int, tokens: int | None, reading: Budget) -> None:
        self.rows, self.tokens, self.reading = rows, tokens, reading
        self.shrunk = False

    def fitting(self, flying: Sequence[Row], unit: Sequence[Row]) -> int:
        """How many of the first rows of a unit may join; one that is alone always may."""
        longest = max((row.most for row in flying), default=0)
        for count, row in enumerate(unit):
            longest = max(longest, row.most)
            together = len(flying) + count + 1
            too_wide = self.tokens is not None and longest * together > self.tokens
            if together > 1 and (together > self.rows or too_wide):
                return count
        return len(unit)

    def shrink(self, flying: Sequence[Row], coming: Sequence[Row]) -> None:
        """Half of what was too much."""
        rows = [*flying, *coming]
        self.tokens = max(row.most for row in rows) * len(rows) // 2
        if coming:
            cost = max(len(row.ids) for row in coming) * len(coming)
            self.reading = Budget(cost, None, padded=True).halved()
        self.shrunk = True


class Supply:
    """Rows that wait, in units of like length, longest first; `windows` are asked for as needed."""

    def __init__(self, windows: Iterator[list[Row]], load: Load) -> None:
        self._windows, self._load = windows, load
        self._units: deque[list[Row]] = deque()

    def unit(self) -> list[Row]:
        """The rows that are next; none when all have been taken."""
        while not self._units:
            window = next(self._windows, None)
            if window is None:
                return []
            self._plan(window)
        return self._units[0]

    def take(self, count: int) -> list[Row]:
        """Take the first rows of the unit."""
        unit = self._units.popleft()
        if count < len(unit):
            self._units.appendleft(unit[count:])
        return unit[:count]

    def put_back(self, rows: Sequence[Row]) -> None:
        """Let rows wait again, and plan everything anew."""
        waiting = [*rows, *(row for unit in self._units for row in unit)]
        self._units.clear()
        self._plan(waiting)

    def _plan(self, rows: Sequence[Row]) -> None:
        lengths = [len(row.prompt) + len(row.out) for row in rows]
        plan = plan_batches(lengths, [row.request.key for row in rows], self._load.reading)
        self._units.extend([rows[place] for place in batch] for batch in plan.batches)


def generate(
    model: object,
    windows: Iterator[list[Row]],
    rules: Rules,
    load: Load,
    notice: Callable[[str], None],
) -> None:
    """Answer every row. Running out of memory halves the load and loses no token."""
    supply, flight = Supply(windows, load), Flight(model)
    coming: list[Row] = []
    while True:
        try:
            count = load.fitting(flight.rows, supply.unit())
            if count:
                coming = supply.take(count)
                flight.admit(coming, rules)
                coming = []
                load.tokens = load.tokens or flight.tokens_that_fit()
            elif flight.rows:
                flight.step(rules)
            else:
                return
            continue
        except torch.OutOfMemoryError:
            pass  # what the exception holds on to is freed before anything else is tried
        _make_room(supply, flight, coming, rules, load, notice)
        coming = []


def _make_room(
    supply: Supply,
    flight: Flight,
    coming: Sequence[Row],
    rules: Rules,
    load: Load,
    notice: Callable[[str], None],
) -> None:
    flying, coming = ([row for row in rows if not row.over] for rows in (flight.clear(), coming))
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    rows = [*flying, *coming]
    if len(rows) > 1:
        if not load.shrunk:
            notice(f"out of memory with {len(rows)} answers at once: going on with half as many")
        load.shrink(flying, coming)
        supply.put_back(rows)
    for row in rows if len(rows) == 1 else []:
        rules.end(row, error=TOO_LARGE)
