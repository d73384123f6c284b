"""Several copies of a model, each an engine in processes of its own, behind the calls of one."""

from __future__ import annotations

import asyncio
import atexit
import multiprocessing
import subprocess
import sys
import threading
from collections.abc import Coroutine, Sequence
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

from harness.errors import ModelError

T = TypeVar("T")
_PATIENCE = 20.0  # seconds for the copies to end by themselves

# Waits for the end of its input, which is the end of whoever holds the other side, and ends the
# processes of a harness that was killed; one that ends by itself says so first.
_GUARD = """
import os, signal, sys
if not sys.stdin.readline():
    for process in map(int, sys.argv[1:]):
        try:
            os.kill(process, signal.SIGKILL)
        except ProcessLookupError:
            pass
"""


class Copies:
    """vLLM's asynchronous engine, which alone shares requests out among copies of a model.

    Its event loop runs in a thread; to a caller it looks like the engine in this process:
    `add_request`, `step`, `abort_request`. The copies end with this process, however that ends.
    """

    def __init__(self, options: dict[str, Any]) -> None:
        """`options` are those of vLLM's AsyncEngineArgs; raises what its start raises."""
        self._loop = asyncio.new_event_loop()
        self._events: SimpleQueue[Any] = SimpleQueue()
        self._tasks: dict[str, asyncio.Task[None]] = {}
        threading.Thread(target=self._loop.run_forever, name="vllm", daemon=True).start()
        before = set(multiprocessing.active_children())
        self._engine = self._wait(_start(options))
        started = set(multiprocessing.active_children()) - before
        # vLLM's processes would outlive a harness that is killed, and keep the GPUs
        _guard([child.pid for child in started])
        atexit.register(self._engine.shutdown, timeout=_PATIENCE)

    def add_request(self, number: str, prompt: Any, params: Any) -> None:
        """Put a prompt in the queue of the copy with the least to do; raises a refusal."""
        self._wait(self._add(number, prompt, params))

    def step(self) -> list[Any]:
        """Wait until at least one request is over; the outputs of all that are.

        Raises ModelError if a copy died.
        """
        found = [self._events.get(), *self._drain()]
        for event in found:
            if isinstance(event, BaseException):
                raise _lost(event)
        return found

    def abort_request(self, numbers: Sequence[str]) -> None:
        """Take requests out of the queue; nothing more is heard of them."""
        self._wait(self._abort(numbers))
        self._drain()

    def _wait(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    async def _add(self, number: str, prompt: Any, params: Any) -> None:
        try:
            answer = await self._engine.add_request(number, prompt, params)
        except Exception as error:
            raise _lost(error) from error
        self._tasks[number] = asyncio.create_task(self._follow(number, answer))

    async def _follow(self, number: str, answer: Any) -> None:
        try:
            output = await answer.get()
            while not output.finished:
                output = await answer.get()
            self._events.put(output)
        except Exception as error:  # raised where the answer is waited for
            self._events.put(error)
        finally:
            self._tasks.pop(number, None)

    async def _abort(self, numbers: Sequence[str]) -> None:
        for number in numbers:
            if number in self._tasks:
                self._tasks[number].cancel()
        if not self._engine.errored:
            await self._engine.abort(list(numbers))

    def _drain(self) -> list[Any]:
        found = []
        while True:
            try:
                found.append(self._events.get_nowait())
            except Empty:
                return found


def _guard(processes: Sequence[int | None]) -> None:
    """End these processes if this one is killed."""
    guard = subprocess.Popen(
        [sys.executable, "-c", _GUARD, *map(str, processes)],
        stdin=subprocess.PIPE,
        start_new_session=True,  # Ctrl-C is for the harness, which then says that it ends
        text=True,
    )

    def over() -> None:
        guard.communicate("over\n")

    atexit.register(over)


async def _start(options: dict[str, Any]) -> Any:
    """The engine, started within the loop that it is to run in."""
    from vllm import AsyncEngineArgs
    from vllm.usage.usage_lib import UsageContext
    from vllm.v1.engine.async_llm import AsyncLLM

    args = AsyncEngineArgs(enable_log_requests=False, **options)
    return AsyncLLM.from_engine_args(args, usage_context=UsageContext.LLM_CLASS)


def _lost(error: BaseException) -> BaseException:
    """What to raise for an error of the engine: a death is told in one line."""
    from vllm.v1.engine.exceptions import EngineDeadError

    if not isinstance(error, EngineDeadError):
        return error
    return ModelError(
        "vLLM: an engine of data_parallel_size died (its own words are above, on stderr); the same "
        "command again goes on where this run ended"
    )
