"""How lm-eval's back-ends are called so that one failure costs one answer, and none is lost.

lm-eval returns a list when all of it is done and raises when one of it fails. Servers are
therefore called one request at a time, from threads; models in this process a chunk at a time.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Any

from harness.models.base import ChatRequest, Completion, Done, OutOfMemory
from harness.reasoning import split_reasoning
from harness.specs import Sampling

Call = Callable[[ChatRequest], Completion]
Batch = Callable[[Sequence[ChatRequest]], Sequence[Completion]]
_GRACE = 2.0  # seconds for calls in flight after Ctrl-C
_ERRORS = (OSError, RuntimeError, ValueError)  # what models in this process fail with; not bugs
_MEMORY = Completion(error="out of memory with this prompt alone")


def gen_kwargs(sampling: Sampling) -> dict[str, Any]:
    """Sampling as lm-eval names it. Without `until` it would end answers at an empty line."""
    found: dict[str, Any] = {
        "until": list(sampling.stop),
        "max_gen_toks": sampling.max_tokens,
        "do_sample": sampling.temperature > 0,
        "temperature": sampling.temperature,
    }
    if sampling.temperature > 0:
        found |= {} if sampling.top_p is None else {"top_p": sampling.top_p}
        found |= {} if sampling.top_k is None else {"top_k": sampling.top_k}
    return found


def generate(lm: Any, contexts: Sequence[Any], wanted: Sequence[dict[str, Any]]) -> list[Any]:
    """The back-end's answers, in the order of the contexts."""
    from lm_eval.api.instance import Instance

    made = [
        Instance("generate_until", {}, (context, how), place, ("harness", place, 1))
        for place, (context, how) in enumerate(zip(contexts, wanted, strict=True))
    ]
    return list(lm.generate_until(made, disable_tqdm=True))


def completion(text: Any, *, opened: bool = False, tokens_in: int | None = None) -> Completion:
    """An answer; what lm-eval could not read is None."""
    if not isinstance(text, str):
        return Completion(error="lm-eval found no text in the answer", tokens_in=tokens_in)
    reasoning, answer = split_reasoning(text, opened=opened)
    return Completion(answer, reasoning, tokens_in=tokens_in)


def ask_threads(call: Call, requests: Iterable[ChatRequest], done: Done, *, workers: int) -> None:
    """Answer every request by `call`, up to `workers` at once; whatever `call` raises ends it.

    `requests` is read, and `done` called, in this thread alone. Ctrl-C gives calls in flight two
    seconds; the threads are daemons, so that nobody waits longer.
    """
    todo: SimpleQueue[ChatRequest | None] = SimpleQueue()
    over: SimpleQueue[tuple[ChatRequest, Completion | BaseException]] = SimpleQueue()

    def work() -> None:
        while (request := todo.get()) is not None:
            try:
                over.put((request, call(request)))
            except BaseException as error:  # raised again below, in the thread that asked
                over.put((request, error))

    def settle(seconds: float | None = None) -> None:
        """Hand over the next answer; queue.Empty where none comes in time."""
        request, answer = over.get(timeout=seconds)
        if isinstance(answer, BaseException):
            raise answer
        done(request, answer)

    waiting, flying, started = iter(requests), 0, 0
    try:
        while True:
            while flying < workers and (request := next(waiting, None)) is not None:
                todo.put(request)
                flying += 1
                if started < flying:
                    threading.Thread(target=work, daemon=True).start()
                    started += 1
            if not flying:
                return
            settle()
            flying -= 1
    except KeyboardInterrupt:
        until = time.monotonic() + _GRACE
        with suppress(Empty):
            for _ in range(flying):
                settle(max(0.0, until - time.monotonic()))
        raise
    finally:
        for _ in range(started):
            todo.put(None)


def ask_chunks(batch: Batch, requests: Sequence[ChatRequest], done: Done, *, size: int) -> None:
    """Answer requests in their order by `batch`, `size` at a time.

    A chunk that runs out of memory is halved, as are those after it. Of one that fails otherwise
    every request is asked alone, and only those that fail again become errors.
    """
    begin = 0
    while begin < len(requests):
        chunk = requests[begin : begin + size]
        answers: Iterable[Completion]
        try:
            answers = batch(chunk)
        except OutOfMemory:
            if len(chunk) > 1:
                size = len(chunk) // 2
                continue
            answers = [_MEMORY]
        except _ERRORS as error:
            answers = _one_by_one(batch, chunk) if len(chunk) > 1 else [failed(error)]
        for request, answer in zip(chunk, answers, strict=True):
            done(request, answer)
        begin += len(chunk)


def _one_by_one(batch: Batch, chunk: Sequence[ChatRequest]) -> Iterator[Completion]:
    for request in chunk:
        try:
            (answer,) = batch([request])
        except OutOfMemory:
            answer = _MEMORY
        except _ERRORS as error:
            answer = failed(error)
        yield answer


def failed(error: BaseException) -> Completion:
    """An error with the first line of what was raised."""
    return Completion(error=_told(f"{type(error).__name__}: {error}"))


def server_failure(error: Any, *, heard: bool) -> tuple[str, bool]:
    """What a `requests` error says, and whether no other request can succeed either.

    lm-eval has retried by then. A refused key and an unknown address or model are the same for
    all, and so is an address where nobody listens, unless somebody was `heard` there before.
    """
    from urllib3.exceptions import NewConnectionError

    response = getattr(error, "response", None)
    if response is not None:
        said = " ".join(response.text.split())
        return _told(f"HTTP {response.status_code}: {said}"), response.status_code in (
            401,
            403,
            404,
        )
    inner = getattr(error.args[0] if error.args else None, "reason", None)
    if isinstance(inner, NewConnectionError):
        return "nobody listens at base_url", not heard
    return _told(f"{type(error).__name__}: {error}"), False


def _told(text: str) -> str:
    """The first line, cut short, without the values of variables named *_API_KEY or *_TOKEN."""
    for name, value in os.environ.items():
        if name.endswith(("_API_KEY", "_TOKEN")) and len(value) > 3:
            text = text.replace(value, f"<{name}>")
    return text.strip().partition("\n")[0][:300]
