"""A chat model that needs nothing and always says the same: for dry runs and new judge files."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from harness.errors import UsageError, unknown_name
from harness.models.base import ChatRequest, Completion, Done, ModelRef, ModelSettings
from harness.models.estimate import estimate_tokens
from harness.models.ref import check_options
from harness.records import Message
from harness.specs import Sampling

FAKES = ("first", "last", "hash")
OPTIONS = ("errors", "unparsed", "name", "family")


def open_fake(ref: ModelRef, settings: ModelSettings) -> Fake:
    """fake:first|last|hash[,errors=RATE][,unparsed=RATE]."""
    check_options(ref.options, OPTIONS)
    if ref.what not in FAKES:
        raise UsageError("--model: " + unknown_name("fake", ref.what, FAKES))
    return Fake(ref.what, ref.options)


class Fake:
    """Answers the first, the last, or by sha256 of messages and seed one of a request's choices.

    A share `errors` of the calls fails and a share `unparsed` of the others ends in no choice:
    which ones, the sha256 of their messages and seed decides.
    """

    backend = "fake"
    device = "cpu"
    config: Mapping[str, Any] = MappingProxyType({})

    def __init__(self, what: str, options: Mapping[str, str]) -> None:
        self.what = what
        self.name = options.get("name") or f"fake:{what}"
        self.family = options.get("family")
        self.errors, self.unparsed = (_rate(options, key) for key in ("errors", "unparsed"))
        self._calls = 0

    def identity(self) -> Mapping[str, Any]:
        """What it does."""
        return {
            "backend": self.backend,
            "what": self.what,
            "errors": self.errors,
            "unparsed": self.unparsed,
        }

    def judge(self) -> None:
        """It brings no judge of its own."""

    def facts(self) -> Mapping[str, Any]:
        """Nothing ran but Python; sampling has nothing to act on."""
        return {
            "engine": "none",
            "hardware": {"device": "cpu"},
            "family": self.family,
            "replayable": True,
            "dropped_parameters": [],
            "calls": self._calls,
            "retries": {},
        }

    def reserved(self) -> tuple[str, ...]:
        """It has no tokenizer, so no special tokens."""
        return ()

    def count(self, messages: Sequence[Message]) -> int:
        """An estimate, as for a server."""
        return estimate_tokens(messages)

    def resume(self, facts: Mapping[str, Any]) -> None:
        """Count on from an earlier call."""
        self._calls += facts.get("calls", 0)

    def answer(
        self,
        requests: Iterable[ChatRequest],
        sampling: Sampling,
        done: Done,
        notice: Callable[[str], None],
    ) -> None:
        """Answer every request, one after the other."""
        for request in requests:
            self._calls += 1
            done(request, self._one(request))

    def _one(self, request: ChatRequest) -> Completion:
        read = self.count(request.messages)
        if _share(request, "error") < self.errors:
            return Completion(error="a failure that errors= asked for", tokens_in=read)
        text = "I have read everything, and I cannot decide."
        if request.choices and _share(request, "unparsed") >= self.unparsed:
            text = f"I have read everything, and this is my answer: {self._choice(request)}"
        wrote = estimate_tokens([Message("assistant", text)])
        return Completion(text, None, "stop", tokens_in=read, tokens_out=wrote)

    def _choice(self, request: ChatRequest) -> str:
        if self.what == "hash":
            return request.choices[int(_share(request, "choice") * len(request.choices))]
        return request.choices[0 if self.what == "first" else -1]


def _share(request: ChatRequest, purpose: str) -> float:
    """A number from 0 to below 1 that messages, seed and purpose decide."""
    parts = [purpose, str(request.seed)]
    for message in request.messages:
        parts += [message.role, message.content]
    digest = hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:6], "big") / 2**48


def _rate(options: Mapping[str, str], key: str) -> float:
    text = options.get(key, "0")
    try:
        rate = float(text)
    except ValueError:
        rate = -1.0
    if not 0 <= rate <= 1:
        raise UsageError(f"--model_args {key}={text}: a share from 0 to 1")
    return rate
