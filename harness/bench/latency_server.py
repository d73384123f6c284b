"""An OpenAI-compatible server on loopback, another process, that answers after a fixed time."""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from multiprocessing.connection import Connection
from typing import Any

from harness.errors import HarnessError

MODEL = "fixed-latency"
ANSWER = "[[A]]"
_READY_SECONDS = 60.0
_STOP_SECONDS = 5.0
_REASONS = {200: "OK", 400: "Bad Request", 404: "Not Found", 411: "Length Required"}


@dataclass(slots=True)
class Seen:
    """What a server saw since it was last asked.

    `most` is the largest number of calls that were waiting for their answer at one time.
    """

    calls: int = 0
    most: int = 0
    connections: int = 0


@dataclass(frozen=True, slots=True)
class LatencyServer:
    """A running server: where it listens, and what it says of itself."""

    base_url: str
    control: Connection

    def seen(self) -> Seen:
        """What it saw since this was last asked; counting starts anew."""
        self.control.send("seen")
        return Seen(**self.control.recv())


@contextmanager
def serving(latency: float, answer: str = ANSWER) -> Iterator[LatencyServer]:
    """A server that answers every call `latency` seconds after it came in.

    It is another process, so that it takes no time from the interpreter of its clients; it ends
    with the block, and with the process that started it, however that ends.
    """
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_main, args=(theirs, latency, answer), daemon=True)
    process.start()
    theirs.close()
    try:
        if not ours.poll(_READY_SECONDS):
            raise HarnessError(f"the benchmark's server did not start in {_READY_SECONDS:.0f} s")
        yield LatencyServer(f"http://127.0.0.1:{ours.recv()}/v1", ours)
    finally:
        ours.close()  # which is what it waits for
        process.join(_STOP_SECONDS)
        if process.is_alive():
            process.kill()
            process.join()


def _main(control: Connection, latency: float, answer: str) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the one who started us
    asyncio.run(_Server(latency, answer).run(control))


class _Server:
    """Hand-written HTTP/1.1, no more than the clients of a chat completion say."""

    def __init__(self, latency: float, answer: str) -> None:
        self.latency, self.answer = latency, answer
        self.seen, self.flying = Seen(), 0

    async def run(self, control: Connection) -> None:
        """Listen on a free port, say which, and go on until the other end closes."""
        loop, closed = asyncio.get_running_loop(), asyncio.Event()

        def asked() -> None:
            try:
                control.recv()
            except EOFError:
                loop.remove_reader(control.fileno())
                closed.set()
                return
            control.send(asdict(self.seen))
            self.seen = Seen()

        server = await asyncio.start_server(self._client, "127.0.0.1", 0, backlog=1024)
        control.send(server.sockets[0].getsockname()[1])
        loop.add_reader(control.fileno(), asked)
        await closed.wait()
        server.close()

    async def _client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, call after call."""
        self.seen.connections += 1
        try:
            while (head := await _head(reader)) is not None:
                arrived = time.monotonic()
                request, headers = head
                length = headers.get("content-length")
                body = await reader.readexactly(int(length or 0))
                status, found = await self._answer(request, length, body, arrived)
                close = status == 411 or headers.get("connection", "").lower() == "close"
                writer.write(_response(status, found, close))
                await writer.drain()
                if close:
                    break
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # a client that hangs up has nothing to be told, and none has when we stop
        finally:
            writer.close()

    async def _answer(
        self, request: str, length: str | None, body: bytes, arrived: float
    ) -> tuple[int, dict[str, Any]]:
        method, path, *_ = request.split(" ")
        if (method, path) == ("GET", "/v1/models"):
            return 200, {"object": "list", "data": [{"id": MODEL, "object": "model"}]}
        if (method, path) != ("POST", "/v1/chat/completions"):
            return 404, _error(f"no {method} {path} here")
        if length is None:
            return 411, _error("a Content-Length is needed")
        self.seen.calls += 1
        self.flying += 1
        self.seen.most = max(self.seen.most, self.flying)
        try:
            found = self._completion(body)
            await asyncio.sleep(self.latency - (time.monotonic() - arrived))
        except (ValueError, KeyError, TypeError, AttributeError):
            return 400, _error("not a chat completion request")
        finally:
            self.flying -= 1
        return 200, found

    def _completion(self, body: bytes) -> dict[str, Any]:
        call = json.loads(body)
        put_in = sum(tokens(message["content"]) for message in call["messages"])
        put_out = tokens(self.answer)
        return {
            "id": f"chatcmpl-{self.seen.calls}",
            "object": "chat.completion",
            "created": int(time.time()),
            "model": call["model"],
            "choices": [
                {
                    "index": 0,
                    "message": {"role": "assistant", "content": self.answer},
                    "finish_reason": "stop",
                }
            ],
            "usage": {
                "prompt_tokens": put_in,
                "completion_tokens": put_out,
                "total_tokens": put_in + put_out,
            },
        }


def tokens(text: str) -> int:
    """What this server takes for a number of tokens: a quarter of the UTF-8 bytes, rounded up."""
    return -(-len(text.encode()) // 4)


async def _head(reader: asyncio.StreamReader) -> tuple[str, dict[str, str]] | None:
    """Request line and headers, names in lower case; None where the client is done."""
    try:
        raw = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as error:
        if error.partial:
            raise
        return None
    request, *lines = raw.decode("latin-1").split("\r\n")[:-2]
    fields = (line.partition(":") for line in lines)
    return request, {name.lower(): value.strip() for name, _, value in fields}


def _response(status: int, found: dict[str, Any], close: bool) -> bytes:
    body = json.dumps(found, ensure_ascii=False).encode()
    head = (
        f"HTTP/1.1 {status} {_REASONS[status]}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\nConnection: {'close' if close else 'keep-alive'}\r\n\r\n"
    )
    return head.encode() + body


def _error(message: str) -> dict[str, Any]:
    return {"error": {"message": message, "type": "invalid_request_error"}}
