"""An OpenAI-compatible server on loopback that does what real ones do on bad days, on command.

    with FaultServer(lambda body: answer("[[A]]")) as server:       # base_url=server.url
        ...
    server.calls["the text of the last message"]                    # how often it was asked

`reply` is called with the JSON body of each request, in the server's thread, and says what happens.
`scripted(ordinary)` is such a function: a message that holds `fault=NAME` (a row of FAULTS) gets
the replies of that row, one a call, the last one again and again; all others go to `ordinary`.
"""

from __future__ import annotations

import asyncio
import json
import re
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

Body = dict[str, Any]


@dataclass(frozen=True)
class Reply:
    """What happens to one request.

    `delay`: seconds before anything is sent. `cut`: only so many bytes of the body are sent, then
    the connection is closed. `drop`: it is closed without a byte. `stall`: nothing ever comes.
    """

    status: int = 200
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    delay: float = 0.0
    cut: int | None = None
    drop: bool = False
    stall: bool = False

    def encoded(self) -> bytes:
        if isinstance(self.body, bytes):
            return self.body
        return json.dumps(self.body, ensure_ascii=False).encode()


def answer(
    text: str | None = "[[A]]",
    *,
    finish_reason: str | None = "stop",
    message: Mapping[str, Any] | None = None,
    usage: Mapping[str, Any] | None = None,
    delay: float = 0.0,
    **top: Any,
) -> Reply:
    """An ordinary answer; `message` adds fields beside the content, `top` fields of the whole."""
    body = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "fault",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": text, **(message or {})},
                "finish_reason": finish_reason,
            }
        ],
        "usage": {"prompt_tokens": 7, "completion_tokens": 3} if usage is None else dict(usage),
        **top,
    }
    return Reply(body=body, delay=delay)


def error(
    status: int, message: str = "no", *, headers: Mapping[str, str] | None = None, **fields: Any
) -> Reply:
    """An error in OpenAI's shape; `fields` are param, code, type."""
    return Reply(status, {"error": {"message": message, **fields}}, headers or {})


SOON = {"retry-after-ms": "20"}  # keeps tests quick
OK = answer("The first is alive.\n[[A]]")
FAULTS: dict[str, tuple[Reply, ...]] = {
    "429": (error(429, "slow down"), OK),
    "429_retry_after": (error(429, "slow down", headers=SOON), OK),
    "500": (error(500, "oops", headers=SOON), OK),
    "503": (error(503, "loading", headers=SOON), OK),
    "always_500": (error(500, "oops", headers=SOON),),
    "dropped": (Reply(drop=True), OK),
    "stall": (Reply(stall=True), OK),
    "always_stall": (Reply(stall=True),),
    "half_json": (Reply(body=OK.encoded()[:60], headers=SOON), OK),
    "cut_off": (Reply(body=OK.body, cut=60), OK),
    "no_choices": (Reply(body={**OK.body, "choices": []}, headers=SOON), OK),
    "always_no_choices": (Reply(body={**OK.body, "choices": []}, headers=SOON),),
    "error_in_200": (Reply(body={"error": {"message": "upstream is down"}}, headers=SOON),),
    "content_filter": (answer("", finish_reason="content_filter"),),
    "length": (answer("The first text", finish_reason="length"),),
    "empty": (answer(""),),
    "no_verdict": (answer("Both are fine."),),
    "two_verdicts": (answer("[[A]] would be the easy choice; [[B]]"),),
    "other_language": (answer("Der erste Text ist besser, ganz klar."),),
    "echo": (answer("I am asked to write [[A]] or [[B]], and cannot choose"),),
    "long": (answer("雨" * 350_000 + "\n[[B]]"),),  # over 1 MB of UTF-8
    "forbidden": (error(403, "not for you"),),
    "refusal": (answer(None, message={"refusal": "I would rather not."}),),
    "quota": (error(429, "You exceeded your current quota", code="insufficient_quota"),),
}


def last_message(body: Body) -> str:
    """The text of the last message: what calls are counted by."""
    return str(body["messages"][-1]["content"])


def in_turn(*replies: Reply) -> Callable[[Body], Reply]:
    """The replies one after the other for each distinct last message; the last one stays."""
    asked: Counter[str] = Counter()

    def reply(body: Body) -> Reply:
        asked[last_message(body)] += 1
        return replies[min(asked[last_message(body)], len(replies)) - 1]

    return reply


def scripted(ordinary: Callable[[Body], Reply] | None = None) -> Callable[[Body], Reply]:
    """`fault=NAME` in the last message chooses a row of FAULTS; without it `ordinary` answers."""
    rows = {name: in_turn(*replies) for name, replies in FAULTS.items()}

    def reply(body: Body) -> Reply:
        named = re.search(r"fault=(\w+)", last_message(body))
        if named:
            return rows[named.group(1)](body)
        return OK if ordinary is None else ordinary(body)

    return reply


class FaultServer:
    """A context manager; the server runs in a thread of its own.

    `url` is the base URL. `calls` counts requests by their last message, `bodies` are the JSON
    bodies as they came (none kept with `keep=False`), `headers` those of the last request,
    `most_at_once` how many requests it held at the same time. A body that is no JSON, or one
    without model or messages, gets a 400 and stands in `malformed`.
    """

    def __init__(self, reply: Callable[[Body], Reply], *, port: int = 0, keep: bool = True) -> None:
        self.calls: Counter[str] = Counter()
        self.bodies: list[Body] = []
        self.headers: dict[str, str] = {}
        self.malformed: list[bytes] = []
        self.most_at_once = 0
        self.url = ""
        self._reply = reply
        self._port = port
        self._keep = keep
        self._held = 0
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)

    def __enter__(self) -> FaultServer:
        self._thread.start()
        self._ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        self._open: set[asyncio.Task[None]] = set()
        server = await asyncio.start_server(self._connection, "127.0.0.1", self._port, backlog=512)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
        self._ready.set()
        await self._stop.wait()
        server.close()
        for task in self._open:
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        try:
            while await self._one(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the client left, or the test is over
        finally:
            self._open.discard(task)
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """One request and what happens to it; False where the connection ends."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        pairs = (line.partition(":") for line in head[1:] if line)
        self.headers = {name.lower(): value.strip() for name, _, value in pairs}
        raw = await reader.readexactly(int(self.headers.get("content-length", 0)))
        self._held += 1
        self.most_at_once = max(self.most_at_once, self._held)
        try:
            return await self._send(self._decide(head[0], raw), reader, writer)
        finally:
            self._held -= 1

    def _decide(self, line: str, raw: bytes) -> Reply:
        if line.split(" ")[:2] != ["POST", "/v1/chat/completions"]:
            return error(404, f"no such address: {line}")
        try:
            body = json.loads(raw)
            key = last_message(body)
            assert isinstance(body["model"], str)
        except (ValueError, KeyError, TypeError, IndexError, AssertionError):
            self.malformed.append(raw)
            return error(400, "this is no chat completion request")
        self.calls[key] += 1
        if self._keep:
            self.bodies.append(body)
        return self._reply(body)

    async def _send(
        self, reply: Reply, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        if reply.delay:
            await asyncio.sleep(reply.delay)
        if reply.stall:
            await reader.read(1)  # until the client hangs up
            return False
        if reply.drop:
            return False
        body = reply.encoded()
        headers = {
            "content-type": "application/json",
            "content-length": str(len(body)),
            **reply.headers,
        }
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        sent = body if reply.cut is None else body[: reply.cut]
        writer.write(f"HTTP/1.1 {reply.status} -\r\n{lines}\r\n".encode("latin-1") + sent)
        await writer.drain()
        return reply.cut is None
