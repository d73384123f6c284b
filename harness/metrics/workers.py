"""Processes that share out the measuring of texts, started when there is enough of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from itertools import chain
from types import TracebackType
from typing import TypeVar

Item = TypeVar("Item")
Found = TypeVar("Found")

# A worker loads a dictionary before it works: with less to do all together it brings nothing.
FEWEST_CHARS = 800_000
_PARTS = 16  # of the work, to a worker: long texts do not stand in one part only


class Workers:
    """So many processes at most, for one piece of work after the other; closed as a context.

    `coming` is what will be asked in all, in characters that jieba cuts, where that is known: then
    small pieces are shared out, too. They import their parent's main module, so a script has to
    guard its own start, as ever with spawn.
    """

    def __init__(self, processes: int = 1, *, coming: int = 0) -> None:
        self._processes, self._coming = processes, coming
        self._pool: Executor | None = None

    def __enter__(self) -> Workers:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=error is not None)

    def share(
        self, look: Callable[[Sequence[Item]], list[Found]], work: Sequence[Item], cost: int
    ) -> list[Found]:
        """What `look` finds of all the work, in order, whoever did it; `cost` as `coming`."""
        if self._processes < 2 or len(work) < 2:
            return look(work)
        if self._pool is None:
            if max(cost, self._coming) < FEWEST_CHARS:
                return look(work)
            self._pool = _spawned(self._processes)
        size = -(-len(work) // (self._processes * _PARTS))
        parts = [work[begin : begin + size] for begin in range(0, len(work), size)]
        return list(chain.from_iterable(self._pool.map(look, parts)))


def _spawned(processes: int) -> Executor:
    # jieba is pure Python and holds the lock, so threads bring nothing. Not fork: torch or an
    # HTTP client may have left threads in this process, whose locks a fork would copy as held.
    # spawn rather than forkserver: both start as fast here, and it leaves no server behind.
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor

    return ProcessPoolExecutor(processes, multiprocessing.get_context("spawn"))
