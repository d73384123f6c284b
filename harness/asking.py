"""Hands the calls of a job to a chat model, and stops when too many failed."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from harness.errors import HarnessError
from harness.models.base import ChatModel, ChatRequest, Completion
from harness.progress import Progress
from harness.records import Orders
from harness.specs import Sampling


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """The settings of a job that asks; `orders` is for judges of pairs."""

    sampling: Sampling
    seed: int
    orders: Orders = "both"
    max_errors: int | None = None


def request_seed(seed: int, key: str) -> int:
    """31 bits of sha256(seed, key): what a call samples by, whatever its neighbours."""
    digest = hashlib.sha256(f"{seed}\0{key}".encode()).digest()
    return int.from_bytes(digest[:4], "big") >> 1


def ask(
    model: ChatModel,
    requests: Iterator[ChatRequest],
    total: int,
    asking: Asking,
    settle: Callable[[ChatRequest, Completion], bool],
    progress: Progress,
    *,
    doing: str = "judging",
    unit: str = "calls",
) -> None:
    """Hand requests to the model; `settle` writes an answer down and says whether it failed.

    `doing` and `unit` are what progress calls it; the tokens written are told beside it.
    """
    errors = 0

    def done(request: ChatRequest, answer: Completion) -> None:
        nonlocal errors
        failed = settle(request, answer)
        errors += failed
        progress.advance(1, tokens=answer.tokens_out or 0)
        # answers that are still handed on after the limit was reached are kept
        if failed and asking.max_errors is not None and errors >= asking.max_errors:
            raise HarnessError(
                f"{errors} calls failed for good (the last: {answer.error}); "
                f"--max_errors {asking.max_errors} reached; the same command goes on"
            )

    if total:
        progress.start(doing, total, unit)
        model.answer(requests, asking.sampling, done, progress.notice)
        progress.finish()
