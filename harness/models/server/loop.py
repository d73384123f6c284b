"""Runs asynchronous work from a plain call, whether or not this thread runs a loop already."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import Any

_LOOK = 0.1  # seconds between two looks at whether the caller was cancelled


def run_to_end(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Do the work and return when it is over; raises what it raises.

    In a notebook or another place where a loop is running, the work gets a thread with a loop of
    its own. Ctrl-C cancels the work, which may still tidy up, and surfaces as KeyboardInterrupt.
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        asyncio.run(work())
    else:
        _run_beside(work)


def _run_beside(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    raised: list[BaseException] = []
    inner: list[tuple[asyncio.AbstractEventLoop, asyncio.Task[Any]]] = []

    async def main() -> None:
        task = asyncio.current_task()
        assert task is not None
        inner.append((asyncio.get_running_loop(), task))
        await work()

    def run() -> None:
        try:
            asyncio.run(main())
        except BaseException as error:  # raised again in the thread that waits
            raised.append(error)

    def stop() -> None:
        if inner and thread.is_alive():
            loop, task = inner.pop()
            loop.call_soon_threadsafe(task.cancel)

    outer = asyncio.current_task()
    thread = threading.Thread(target=run, name="harness-server")
    thread.start()
    try:
        while thread.is_alive():
            thread.join(_LOOK)
            if outer is not None and outer.cancelling():  # how asyncio.run takes Ctrl-C
                stop()
    except KeyboardInterrupt:  # how a notebook does
        while thread.is_alive():
            stop()
            thread.join(_LOOK)
        raise
    if raised:
        raise raised[0]
