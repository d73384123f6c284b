"""A model whose work is done by workers of ray: to a job it looks like any other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

from harness.batching import Budget
from harness.errors import UsageError
from harness.executors.cluster import Cluster
from harness.executors.lanes import over_lanes
from harness.executors.settings import Workers
from harness.executors.shares import shares
from harness.executors.staff import Staff
from harness.models import MODELS, ChatModel, ModelSettings, RewardModel, open_ref
from harness.models.base import ChatRequest, Completion, Done, Encoded, ModelRef
from harness.models.ref import parse_model
from harness.records import Candidate, Message
from harness.specs import Sampling

_SPREAD = ("device_map", "tensor_parallel_size", "pipeline_parallel_size", "data_parallel_size")
_IN_PROCESS = ("hf", "likelihood", "vllm")  # whose weights are loaded where the work is done
_WINDOW = 4096  # requests a worker that are shared out together


def open_remote(
    model: str, model_args: str | None, settings: ModelSettings, wish: Workers
) -> RemoteReward | RemoteChat:
    """A model as `open_model` opens it, with workers; configuration is read here, weights there."""
    ref = parse_model(model, model_args, tuple(MODELS))
    if ref.backend not in _IN_PROCESS:
        raise UsageError(
            f"--executor ray: workers have nothing to do for {ref.backend}:; leave it out"
        )
    cluster = Cluster(wish)
    try:
        room = cluster.room()
        device = "cuda" if room.gpus else "cpu"
        if settings.device not in ("auto", device):
            raise UsageError(
                f"--device {settings.device}: the workers have {room.gpus:g} GPUs each; see "
                "--gpus_per_worker"
            )
        if room.gpus > 1 and not any(key in ref.options for key in _SPREAD):
            raise UsageError(
                f"--gpus_per_worker {room.gpus:g}: the model uses one; add --model_args with "
                "tensor_parallel_size= (vllm:) or device_map=auto"
            )
        there = _whole_paths(replace(settings, device=device))  # type: ignore[arg-type]
        local = open_ref(ref, replace(there, elsewhere=True))
        staff = Staff(cluster, room, (_whole_path(ref), there), local)
        if isinstance(local, ChatModel):
            return RemoteChat(local, staff)
        return RemoteReward(local, staff)
    except BaseException:
        cluster.close()
        raise


def _whole_path(ref: ModelRef) -> ModelRef:
    """Folders by their whole path: a worker's working directory may be another."""
    options = {
        key: str(Path(value).resolve())
        if key in ("ref", "peft") and Path(value).exists()
        else value
        for key, value in ref.options.items()
    }
    what = str(Path(ref.what).resolve()) if Path(ref.what).exists() else ref.what
    return ModelRef(ref.backend, what, options)


def _whole_paths(settings: ModelSettings) -> ModelSettings:
    judge = settings.judge
    if judge is not None and Path(judge).is_file():
        judge = str(Path(judge).resolve())
    include = tuple(path.resolve() for path in settings.include)
    return replace(settings, judge=judge, include=include)


class _Remote:
    """What both kinds share: the model as it is opened here, and the workers."""

    def __init__(self, local: Any, staff: Staff) -> None:
        self._local, self._staff = local, staff
        self.name, self.backend, self.device = local.name, local.backend, local.device
        self.lanes = staff.room.workers

    def identity(self) -> Mapping[str, Any]:
        """The model's; who does the work changes no number."""
        found: Mapping[str, Any] = self._local.identity()
        return found

    def judge(self) -> Mapping[str, str] | None:
        """The model's."""
        found: Mapping[str, str] | None = self._local.judge()
        return found

    def facts(self) -> Mapping[str, Any]:
        """The model's, and who did the work."""
        return {**self._local.facts(), **self._staff.facts()}

    def ready(self, lane: int) -> None:
        """Wait for the lane's worker; WorkerLost if that dies, ModelError if it is another."""
        self._staff.ready(lane)

    def close(self) -> None:
        """End the workers."""
        self._staff.cluster.close()


class RemoteReward(_Remote):
    """A reward model: tokenised here, scored by workers, a lane each."""

    _local: RewardModel

    def encode(self, candidates: Sequence[Candidate]) -> list[Encoded]:
        """As the model does, here."""
        return self._local.encode(candidates)

    def warm(self) -> None:
        """Start the workers and let them load; what goes wrong is told by their first batch."""
        for worker in self._staff.workers:
            worker.warm.remote()

    def budget(self, *, max_tokens: int | None, max_texts: int | None) -> Budget:
        """The user's, or what a worker's memory should hold."""
        if max_tokens is not None or self.device == "cpu":
            return self._local.budget(max_tokens=max_tokens, max_texts=max_texts)
        found: Budget = self._staff.cluster.get(self._staff.first().budget.remote(max_texts))
        return found

    def score(self, batch: Sequence[Encoded], lane: int = 0) -> list[float]:
        """One score a text; raises OutOfMemory and WorkerLost."""
        reference = self._staff.workers[lane].score.remote(list(batch))
        found: list[float] = self._staff.cluster.get(reference)
        return found


class RemoteChat(_Remote):
    """A chat model: requests shared out by tokens, answers written down as they come."""

    _local: ChatModel

    def __init__(self, local: ChatModel, staff: Staff) -> None:
        super().__init__(local, staff)
        self.config = local.config
        self._calls = 0

    def reserved(self) -> tuple[str, ...]:
        """The model's."""
        return self._local.reserved()

    def count(self, messages: Sequence[Message]) -> int:
        """As the model does."""
        return self._local.count(messages)

    def resume(self, facts: Mapping[str, Any]) -> None:
        """As the model does."""
        self._local.resume(facts)

    def facts(self) -> Mapping[str, Any]:
        """The model's, with the calls that the workers made."""
        found = super().facts()
        return {**found, "calls": found.get("calls", 0) + self._calls}

    def answer(
        self,
        requests: Iterable[ChatRequest],
        sampling: Sampling,
        done: Done,
        notice: Callable[[str], None],
    ) -> None:
        """Answer every request once; those of a worker that dies, and no more, are asked again."""
        waiting: dict[str, ChatRequest] = {}

        def pieces() -> Iterable[list[ChatRequest]]:
            source = iter(requests)
            while window := list(islice(source, _WINDOW * self.lanes)):
                waiting.update((request.key, request) for request in window)
                yield from shares([(self.count(r.messages), r) for r in window], self.lanes)

        def work(
            piece: list[ChatRequest],
            lane: int,
            give: Callable[[tuple[str, Completion] | str], None],
        ) -> None:
            asked = self._staff.workers[lane].answer.options(num_returns="streaming")
            for part in self._staff.cluster.stream(asked.remote(piece, sampling)):
                give(part)

        def settle(_: list[ChatRequest], part: tuple[str, Completion] | str) -> None:
            if isinstance(part, str):
                notice(part)
                return
            self._calls += 1
            done(waiting.pop(part[0]), part[1])

        def left(piece: list[ChatRequest]) -> list[ChatRequest] | None:
            return [request for request in piece if request.key in waiting] or None

        over_lanes(pieces(), self, work, settle, left=left, notice=notice)
