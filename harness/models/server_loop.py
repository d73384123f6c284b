"""Runs asynchronous work from a plain call, whether or not this thread runs a loop already."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import Any


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
    cancel: list[Callable[[], object]] = []

    async def main() -> None:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None
        cancel.append(lambda: loop.call_soon_threadsafe(task.cancel))
        await work()

    def run() -> None:
        try:
            asyncio.run(main())
        except BaseException as error:  # raised again in the thread that waits
            raised.append(error)

    thread = threading.Thread(target=run, name="harness-server")
    thread.start()
    try:
        thread.join()
    except KeyboardInterrupt:
        if cancel and thread.is_alive():
            cancel[0]()
        thread.join()
        raise
    if raised:
        raise raised[0]
