"""A chat model that answers by a function, for tests of everything behind a model."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from harness.models.base import ChatRequest, Completion, Done
from harness.records import Message
from harness.specs import Sampling

Reply = Callable[[ChatRequest], Completion]


class Scripted:
    """A chat model that answers by a function of the request, and remembers what it was asked."""

    backend = "scripted"
    device = "server"

    def __init__(self, reply: Reply, name: str = "scripted") -> None:
        self.reply, self.name = reply, name
        self.config: Mapping[str, Any] = {}
        self.asked: list[ChatRequest] = []
        self.sampling: Sampling | None = None

    def identity(self) -> Mapping[str, Any]:
        return {"backend": self.backend, "name": self.name}

    def judge(self) -> None:
        return None

    def facts(self) -> Mapping[str, Any]:
        return {"engine": "none", "calls": len(self.asked), "retries": {}, "family": None}

    def reserved(self) -> tuple[str, ...]:
        return ("<|im_end|>",)

    def count(self, messages: Sequence[Message]) -> int:
        return sum(len(message.content) for message in messages)

    def resume(self, facts: Mapping[str, Any]) -> None:
        pass

    def answer(
        self,
        requests: Iterable[ChatRequest],
        sampling: Sampling,
        done: Done,
        notice: Callable[[str], None],
    ) -> None:
        self.sampling = sampling
        for request in requests:
            self.asked.append(request)
            done(request, self.reply(request))


def says(text: str, **more: Any) -> Reply:
    return lambda _: Completion(text, finish_reason="stop", tokens_in=7, tokens_out=3, **more)
