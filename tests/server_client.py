"""A client of `openai:NAME` whose waits do not slow the tests, and a way to ask it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

import pytest

from harness.models.base import ChatRequest, Completion, ModelRef, ModelSettings
from harness.models.server.model import Server
from harness.models.server.options import read_options
from harness.models.server.retry import Retries
from harness.records import Message
from harness.specs import Sampling

QUICK = Retries(most=3, first=0.01)


_VARIABLES = ("API_KEY", "BASE_URL", "ORG_ID", "PROJECT_ID", "CUSTOM_HEADERS", "ADMIN_KEY")


def clear_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of this machine's own set-up reaches the client."""
    for name in _VARIABLES:
        monkeypatch.delenv(f"OPENAI_{name}", raising=False)


def client(url: str, *, at_once: int = 4, retries: Retries = QUICK, **options: str) -> Server:
    """A client of a server on loopback."""
    read = read_options(ModelRef("openai", "tiny", {"base_url": url, **options}))
    return Server(dataclasses.replace(read, retries=retries), ModelSettings(num_concurrent=at_once))


def ask(
    model: Server, texts: Iterable[str], sampling: Sampling | None = None
) -> tuple[dict[str, Completion], list[str]]:
    """Every text asked once: completions by text, and what was said meanwhile."""
    found: dict[str, Completion] = {}
    said: list[str] = []

    def done(request: ChatRequest, completion: Completion) -> None:
        assert request.key not in found, "handed on twice"
        found[request.key] = completion

    requests = (
        ChatRequest(text, (Message("user", text),), number) for number, text in enumerate(texts)
    )
    model.answer(requests, sampling or Sampling(), done, said.append)
    return found, said


def answers(model: Server, *texts: str, sampling: Sampling | None = None) -> dict[str, Completion]:
    """The completions alone; the seeds are 0, 1, 2..."""
    return ask(model, texts, sampling)[0]
