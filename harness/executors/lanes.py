"""Hands pieces of work to the lanes of a model: GPUs of this machine, or workers elsewhere."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from queue import Empty, SimpleQueue
from typing import Any, Generic, TypeVar

from harness.errors import ModelError
from harness.models.base import Laned, Staffed, WorkerLost

Piece = TypeVar("Piece")
Part = TypeVar("Part")
Work = Callable[[Piece, int, Callable[[Part], None]], None]

_DEATHS = 3  # of one worker without a result between them: the work kills it, not chance


def over_lanes(
    pieces: Iterable[Piece],
    model: Laned,
    work: Work[Piece, Part],
    settle: Callable[[Piece, Part], None],
    *,
    left: Callable[[Piece], Piece | None] = lambda piece: piece,
    notice: Callable[[str], None],
    wait_for: tuple[type[Exception], ...] = (),
) -> None:
    """Do every piece once, each on the next free lane, in the order they come.

    `work(piece, lane, give)` runs in a thread of its own where there are several lanes; what it
    gives is handed to `settle(piece, part)` in the caller's thread, as are `pieces` drawn. A
    worker that dies (WorkerLost) is waited for without a piece: what is `left` of its own goes
    to whoever is free. What `work` or `settle` raises ends it all, after the pieces under way
    where it is one of `wait_for`. Raises ModelError for a worker that dies again and again.
    """
    if model.lanes == 1 and not isinstance(model, Staffed):
        for piece in pieces:
            work(piece, 0, lambda part, piece=piece: settle(piece, part))  # type: ignore[misc]
        return
    _Lanes(iter(pieces), model, work, settle, left, notice, wait_for).run()


@dataclass(frozen=True, slots=True)
class _Event:
    """What a lane has to say: a part of its piece, or (`over`) that it is free again."""

    lane: int
    part: Any = None
    over: bool = False
    error: BaseException | None = None


class _Lanes(Generic[Piece, Part]):
    """The loop of `over_lanes` and what it keeps track of."""

    def __init__(
        self,
        pieces: Iterator[Piece],
        model: Laned,
        work: Work[Piece, Part],
        settle: Callable[[Piece, Part], None],
        left: Callable[[Piece], Piece | None],
        notice: Callable[[str], None],
        wait_for: tuple[type[Exception], ...],
    ) -> None:
        self.pieces, self.model, self.work, self.settle = pieces, model, work, settle
        self.left, self.notice, self.wait_for = left, notice, wait_for
        self.events: SimpleQueue[_Event] = SimpleQueue()
        self.idle: list[int] = []
        self.flying: dict[int, Piece] = {}
        self.again: list[Piece] = []
        self.deaths: Counter[int] = Counter()
        self.failure: BaseException | None = None
        self.pool = ThreadPoolExecutor(model.lanes, "lane")

    def run(self) -> None:
        try:
            for lane in reversed(range(self.model.lanes)):
                self._begin(lane)
            self._give_out()
            while self.flying or (self.failure is None and self._more()):
                self._handle(self.events.get())
                self._give_out()
            if self.failure is not None:
                raise self.failure
        except BaseException:
            self._take_what_is_there()
            raise
        finally:  # a lane may be deep in a forward pass, or waiting for a worker
            self.pool.shutdown(wait=False, cancel_futures=True)

    def _give_out(self) -> None:
        """Pieces for the free lanes."""
        while self.idle and self.failure is None and self._more():
            piece, lane = self.again.pop(), self.idle.pop()
            self.flying[lane] = piece
            self.pool.submit(self._do, piece, lane)

    def _more(self) -> bool:
        """Whether there is a piece that nobody has; it then stands in `again`."""
        if not self.again:
            self.again.extend(islice(self.pieces, 1))
        return bool(self.again)

    def _do(self, piece: Piece, lane: int) -> None:
        put = self.events.put
        try:
            self.work(piece, lane, lambda part: put(_Event(lane, part)))
        except BaseException as error:  # raised again in the caller's thread
            put(_Event(lane, over=True, error=error))
        else:
            put(_Event(lane, over=True))

    def _begin(self, lane: int) -> None:
        """Make a lane idle, where there is a worker behind it once that can work."""
        if isinstance(self.model, Staffed):
            self.pool.submit(self._ready, self.model, lane)
        else:
            self.idle.append(lane)

    def _ready(self, model: Staffed, lane: int) -> None:
        try:
            model.ready(lane)
        except BaseException as error:  # raised again in the caller's thread
            self.events.put(_Event(lane, over=True, error=error))
        else:
            self.events.put(_Event(lane, over=True))

    def _handle(self, event: _Event) -> None:
        if not event.over:
            self.deaths[event.lane] = 0
            self.settle(self.flying[event.lane], event.part)
            return
        piece = self.flying.pop(event.lane, None)
        if event.error is None:
            self.idle.append(event.lane)
        elif isinstance(event.error, WorkerLost):
            self._lost(event.lane, piece, event.error)
        elif isinstance(event.error, self.wait_for):
            self.failure = event.error
        else:
            raise event.error

    def _lost(self, lane: int, piece: Piece | None, error: WorkerLost) -> None:
        rest = None if piece is None else self.left(piece)
        if rest is not None:
            self.again.append(rest)
        self.deaths[lane] += 1
        if self.deaths[lane] >= _DEATHS:
            raise ModelError(
                f"worker {lane} died {_DEATHS} times without a result in between: {error}"
            ) from None
        self.notice(f"worker {lane} is lost ({error}): its work is done again, it is replaced")
        self._begin(lane)

    def _take_what_is_there(self) -> None:
        """Results that had come in already when the work ended."""
        while True:
            try:
                event = self.events.get_nowait()
            except Empty:
                return
            if not event.over and event.lane in self.flying:
                with suppress(Exception):  # the work ends by what went wrong first
                    self.settle(self.flying[event.lane], event.part)
