"""`openai:NAME`: a chat model behind any OpenAI-compatible server."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from harness.models.base import ChatRequest, Done, ModelRef, ModelSettings
from harness.models.estimate import estimate_tokens
from harness.models.server.limits import Limits
from harness.models.server.line import Line
from harness.models.server.loop import run_to_end
from harness.models.server.options import ServerOptions, read_options
from harness.models.server.parameters import Parameters
from harness.models.server.run import Run
from harness.models.server.tally import Tally
from harness.models.server.wire import open_wire, route
from harness.records import Message
from harness.specs import Sampling


def open_server(ref: ModelRef, settings: ModelSettings) -> Server:
    """openai:NAME at any OpenAI-compatible server, found by --model_args base_url=URL.

    Other options: key_env, timeout, max_retries, served_by, name, family. Nothing is asked yet.
    """
    return Server(read_options(ref), settings)


class Server:
    """A chat model behind a server; `num_concurrent` calls are in flight at most.

    Every call is made until it is answered or given up (retry.py), and never again after
    an answer. The seed of each request is sent with it; that the server heeds it is up to the
    server, so nothing here is replayable.
    """

    backend = "openai"
    device = "server"

    def __init__(self, options: ServerOptions, settings: ModelSettings) -> None:
        self.options = options
        self.name = options.name or options.model
        self.config: Mapping[str, Any] = {}
        self._most = max(1, settings.num_concurrent)
        self._dropped: list[str] = []
        self._tally = Tally()

    def identity(self) -> Mapping[str, Any]:
        """The model's name, and where it is served: the address, or the label given for it."""
        served = self.options.served_by
        where = {"base_url": self.options.base_url} if served is None else {"served_by": served}
        return {"backend": self.backend, "model": self.options.model, **where}

    def judge(self) -> None:
        """Which judge file it is asked by, the run decides."""

    def facts(self) -> Mapping[str, Any]:
        """How it ran: requests, repeats, the narrowest limit, names the server gave itself."""
        return {
            "engine": "server",
            "hardware": {"device": "server"},
            "host": self.options.host,
            "replayable": False,
            "family": self.options.family,
            "dropped_parameters": list(self._dropped),
            "num_concurrent": self._most,
            **self._tally.facts(),
        }

    def reserved(self) -> tuple[str, ...]:
        """What the server's tokenizer makes of a text cannot be known here."""
        return ()

    def count(self, messages: Sequence[Message]) -> int:
        """An estimate by characters (estimate.py)."""
        return estimate_tokens(messages)

    def resume(self, facts: Mapping[str, Any]) -> None:
        """Do not ask again what an earlier call on this run folder was refused."""
        dropped = facts.get("dropped_parameters")
        self._dropped = [name for name in dropped or () if isinstance(name, str)]

    def answer(
        self,
        requests: Iterable[ChatRequest],
        sampling: Sampling,
        done: Done,
        notice: Callable[[str], None],
    ) -> None:
        """Answer every request once (see ChatModel).

        Ctrl-C gives calls in flight two seconds; what they bring is handed to `done`. Where
        `done` raises, they are cut off.
        """
        way = route(self.options)  # imports openai, which takes a second: not for a dry run
        parameters = Parameters(self.options.model, sampling, notice, self._dropped)
        limits = Limits(self._most)

        async def work() -> None:
            wire = open_wire(way, timeout=self.options.timeout)
            try:
                await Run(
                    options=self.options,
                    line=Line(iter(requests), most_in_flight=self._most),
                    wire=wire,
                    parameters=parameters,
                    limits=limits,
                    tally=self._tally,
                    done=done,
                    notice=notice,
                ).finish()
            finally:
                await wire.close()

        try:
            run_to_end(work)
        finally:
            self._dropped = parameters.dropped
            self._tally.lowest = min(self._tally.lowest or self._most, limits.lowest)
