"""Carries one request to a server and one answer back; tells lost ones apart, tries nothing twice.

openai's client says where a request goes and with which headers; aiohttp, the transport that
client offers itself, carries it. The client's own road costs 2.4 ms of processor time a call,
0.7 at its leanest, aiohttp 0.35: at 128 in flight and 0.1 s an answer only the last keeps up.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from harness.models.server.options import ServerOptions

if TYPE_CHECKING:
    import aiohttp

_CONNECT = 15.0  # seconds until an address counts as not to be reached
_KEEP = 4.0  # seconds an idle connection is kept: uvicorn, under most servers, closes after 5


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server sent: `headers` are found in any case, `body` is decompressed."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Lost(Exception):
    """No whole answer came.

    `connect`: no connection was made. `dropped`: one was, and it broke. `timeout`: the call took
    longer than it may.
    """

    def __init__(self, kind: Literal["connect", "dropped", "timeout"], reason: str) -> None:
        super().__init__(reason)
        self.kind = kind
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Route:
    """Where requests go, with which headers (the key among them: not in the repr), by which
    proxy."""

    url: str
    headers: Mapping[str, str] = field(repr=False)
    proxy: str | None = field(repr=False)


class Wire:
    """The connections of one run of calls."""

    def __init__(self, session: aiohttp.ClientSession, way: Route, *, timeout: float) -> None:
        self._session = session
        self._way = way
        self._timeout = timeout

    async def send(self, body: bytes) -> Answer:
        """POST one JSON body; whatever status comes is an Answer. Raises Lost."""
        import aiohttp

        try:
            async with self._session.post(
                self._way.url, data=body, allow_redirects=False, proxy=self._way.proxy
            ) as response:
                return Answer(response.status, response.headers, await response.read())
        except aiohttp.ConnectionTimeoutError:
            raise Lost(
                "connect", f"no connection within {min(self._timeout, _CONNECT):g} s"
            ) from None
        except TimeoutError:  # aiohttp's is one
            raise Lost("timeout", f"no answer within {self._timeout:g} s") from None
        except aiohttp.ClientConnectorError as error:
            raise Lost("connect", f"no connection: {error}") from None
        except (aiohttp.ClientError, OSError) as error:
            raise Lost("dropped", f"the connection broke: {_said(error)}") from None

    async def close(self) -> None:
        """Close every connection."""
        await self._session.close()


def route(options: ServerOptions) -> Route:
    """The way to a server's chat completions, as openai's async client would take it."""
    from openai import AsyncOpenAI

    client = AsyncOpenAI(api_key=options.key, base_url=options.base_url, max_retries=0)
    said = {**client.default_headers, **client.auth_headers}
    headers = {name: value for name, value in said.items() if isinstance(value, str)}
    # an address without a path has no slash of its own
    url = f"{str(client.base_url).rstrip('/')}/chat/completions"
    return Route(url, headers, _proxy(options))


def open_wire(way: Route, *, timeout: float) -> Wire:
    """Connections to a server, to be opened inside an event loop; none is made yet.

    `timeout` is seconds for a whole call.
    """
    import aiohttp

    session = aiohttp.ClientSession(
        headers=way.headers,
        # the number of calls in flight is bounded elsewhere, and changes
        connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=_KEEP),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=timeout, sock_connect=min(timeout, _CONNECT)),
    )
    return Wire(session, way, timeout=timeout)


def _proxy(options: ServerOptions) -> str | None:
    """The proxy of the environment, as openai's client would take it.

    Not aiohttp's `trust_env`: that reads ~/.netrc at every call and refuses the key beside it.
    """
    from urllib.request import getproxies, proxy_bypass

    if options.loopback or proxy_bypass(options.host):
        return None
    return getproxies().get(options.base_url.partition(":")[0])


def _said(error: BaseException) -> str:
    return str(error) or type(error).__name__
