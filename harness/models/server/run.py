"""One run of calls: starts as many as the limits allow, asks again what failed, hands answers on.

Memory does not grow with the number of calls: requests are drawn when there is room for them,
and a call in flight is one task.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import deque
from collections.abc import Callable, Mapping

from harness.errors import HarnessError, ModelError
from harness.models.base import Completion, Done
from harness.models.server.limits import Limits
from harness.models.server.line import Call, Line
from harness.models.server.options import ServerOptions
from harness.models.server.parameters import Parameters
from harness.models.server.reply import (
    Failure,
    Reply,
    read_answer,
    read_lost,
    shorten,
)
from harness.models.server.retry import LONGEST_PAUSE, retry_after
from harness.models.server.tally import Tally
from harness.models.server.wire import Answer, Lost, Wire

_TRIES_TO_CONNECT = 3  # before a server that never answered counts as not there
_GRACE = 2.0  # seconds that calls in flight are given when the run is stopped


class Run:
    """The calls of one `answer`; everything here happens in one thread."""

    def __init__(
        self,
        *,
        options: ServerOptions,
        line: Line,
        wire: Wire,
        parameters: Parameters,
        limits: Limits,
        tally: Tally,
        done: Done,
        notice: Callable[[str], None],
    ) -> None:
        self._options = options
        self._line = line
        self._wire = wire
        self._parameters = parameters
        self._limits = limits
        self._tally = tally
        self._done = done
        self._notice = notice
        self._rng = random.Random()  # of the waits alone
        self._clock = asyncio.get_running_loop().time
        self._flying: set[asyncio.Task[None]] = set()
        self._back: deque[tuple[Call, Answer | Lost | BaseException]] = deque()
        self._news = asyncio.Event()
        self._heard = False
        self._succeeded = False
        self._said: set[str] = set()

    async def finish(self) -> None:
        """Answer all requests, or raise; nothing is in flight any more afterwards."""
        try:
            while True:
                await self._start()
                if self._line.over and not (self._flying or self._back):
                    return
                if not self._back:
                    await self._wait()
                while self._back:
                    self._settle(*self._back.popleft())
                    await self._start()
        except (asyncio.CancelledError, HarnessError):  # Ctrl-C, --max_errors
            await self._last_answers()
            raise
        finally:
            await self._land()

    async def _start(self) -> None:
        """Send what may be sent now; an answer that is not handed on yet keeps its place."""
        while self._clock() >= self._limits.resumes_at:
            if len(self._flying) + len(self._back) >= self._limits.width:
                return
            call = self._line.next(self._clock(), choked=self._limits.choked)
            if call is None:
                return
            call.era, call.sent = self._limits.era, self._parameters.names
            body = self._parameters.body(call.request)
            self._tally.calls += 1
            self._flying.add(asyncio.create_task(self._fly(call, body)))
            await asyncio.sleep(0)  # off it goes, before the next request is made

    async def _fly(self, call: Call, body: bytes) -> None:
        result: Answer | Lost | BaseException
        try:
            result = await self._wire.send(body)
        except Exception as error:  # raised where it is settled, unless it is a Lost
            result = error
        self._flying.discard(asyncio.current_task())
        self._back.append((call, result))
        self._news.set()

    async def _wait(self) -> None:
        """Until something came back, or something may be sent that could not before."""
        self._news.clear()
        due = self._line.due
        if self._limits.resumes_at > self._clock():
            due = self._limits.resumes_at
        if len(self._flying) >= self._limits.width:
            due = None
        timer = None
        if due is not None:
            timer = asyncio.get_running_loop().call_at(due, self._news.set)
        try:
            await self._news.wait()
        finally:
            if timer is not None:
                timer.cancel()

    def _settle(self, call: Call, result: Answer | Lost | BaseException) -> None:
        """One call is back: done, to be made again, or failed for good."""
        if isinstance(result, Lost):
            failure = read_lost(result, self._options.redact)
        elif isinstance(result, BaseException):
            raise result
        else:
            self._heard = True
            read = read_answer(result, self._options.redact)
            if isinstance(read, Reply):
                self._succeeded = True
                self._limits.answered(call.era)
                self._tally.saw(read)
                self._done(call.request, read.completion)
                return
            failure = read
            if self._parameters.refused(result, call.sent):
                self._line.again(call, self._clock())
                return
        self._failed(call, failure, result.headers if isinstance(result, Answer) else {})

    def _failed(self, call: Call, failure: Failure, headers: Mapping[str, str]) -> None:
        """Wait and ask again, or give the call up; ModelError where all calls would end so."""
        call.failures += 1
        retries = self._options.retries
        if not self._succeeded:
            self._check_hope(call, failure)
        if failure.busy and self._limits.refused(call.era):
            width, most = self._limits.width, self._limits.most
            self._say_once(
                "busy",
                f"the server is too busy ({shorten(failure.reason)}): {width} of {most} calls at "
                "a time, more again as it keeps up",
            )
        if not failure.again or call.failures > retries.most:
            self._limits.gave_up()
            tries = f" ({call.failures} tries)" if call.failures > 1 else ""
            self._done(call.request, Completion(error=failure.reason + tries))
            return
        self._tally.retries[failure.kind] += 1
        asked = self._asked_wait(failure, headers)
        wait = retries.wait(call.failures, self._rng) if asked is None else asked
        self._line.again(call, self._clock() + wait)

    def _asked_wait(self, failure: Failure, headers: Mapping[str, str]) -> float | None:
        """Seconds the server wants this call to wait; a busy one gets no other call meanwhile."""
        asked = retry_after(headers, time.time())
        if asked is None:
            return None
        if asked > LONGEST_PAUSE:
            self._say_once(
                "pause",
                f"the server asks for a pause of {asked:.0f} s: it is asked again every "
                f"{LONGEST_PAUSE:.0f} s",
            )
            asked = LONGEST_PAUSE
        if failure.busy:
            self._limits.pause(self._clock() + asked)
        return asked * self._rng.uniform(1.0, 1.1)

    def _check_hope(self, call: Call, failure: Failure) -> None:
        """ModelError where nothing was answered yet and nothing will be."""
        options = self._options
        if failure.kind == "401":
            raise ModelError(
                f"{options.base_url}: the server refuses the key of {options.key_env} "
                f"({failure.reason}); set that variable, or name another with "
                "--model_args key_env=VARIABLE"
            )
        if failure.kind == "404":
            raise ModelError(
                f"{options.base_url}: no model {options.model!r}, or no such address "
                f"({failure.reason}); check the name after openai: and base_url, which most "
                "servers want to end in /v1"
            )
        tries = min(_TRIES_TO_CONNECT, options.retries.most + 1)
        if failure.kind == "connect" and not self._heard and call.failures >= tries:
            raise ModelError(
                f"{options.base_url}: {failure.reason}; start the server, or name it with "
                "--model_args base_url=http://HOST:PORT/v1"
            )

    def _say_once(self, about: str, message: str) -> None:
        if about not in self._said:
            self._said.add(about)
            self._notice(message)

    async def _last_answers(self) -> None:
        """Hand on what comes back within the grace; the rest stays undone."""
        if self._flying:
            await asyncio.wait(self._flying, timeout=_GRACE)
        for call, result in self._back:
            if isinstance(result, Answer):
                read = read_answer(result, self._options.redact)
                if isinstance(read, Reply):
                    self._done(call.request, read.completion)

    async def _land(self) -> None:
        """Nothing stays in flight, and nothing that was is left without an owner."""
        for task in self._flying:
            task.cancel()
        await asyncio.gather(*self._flying, return_exceptions=True)
