"""A ray cluster: joined or started, its workers placed, killed and waited for."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from harness.errors import HarnessError, MissingExtra, UsageError
from harness.executors.settings import Workers
from harness.models.base import WorkerLost

_PATIENCE = 0.2  # seconds between two looks at a worker that is being restarted
_ENVIRONMENT = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0"}


@dataclass(frozen=True, slots=True)
class Room:
    """What was made of the wish for workers: how many, and what each of them gets."""

    workers: int
    cpus: int
    gpus: float


class Cluster:
    """A connection to ray. One that was started here ends with `close`."""

    def __init__(self, wish: Workers) -> None:
        self.wish = wish
        self._ray = _import_ray()
        self._mine = not self._ray.is_initialized()
        if self._mine:
            self._connect()
        self._actors: list[Any] = []

    def _connect(self) -> None:
        here = self.wish.address is None
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None
        options = {"num_cpus": cores, "include_dashboard": False} if here else {}
        try:
            _knock(self.wish.address)
            self._ray.init(
                address="local" if here else self.wish.address,
                logging_level="ERROR",
                log_to_driver=False,
                **options,
            )
        except (ConnectionError, ValueError, RuntimeError, OSError) as error:
            said = " ".join(str(error).split())[:300]
            raise HarnessError(
                f"--ray_address {self.wish.address}: no cluster answers ({said}); start one with "
                "`ray start --head`, or leave the flag out for workers on this machine"
                if not here
                else f"--executor ray: ray does not start here: {said}"
            ) from None

    def room(self) -> Room:
        """How many workers there is room for, and what each gets; UsageError where none has."""
        nodes = [node["Resources"] for node in self._ray.nodes() if node["Alive"]]
        cpus = [int(node.get("CPU", 0)) for node in nodes]
        gpus = [float(node.get("GPU", 0)) for node in nodes]
        each = self.wish.gpus if self.wish.gpus is not None else float(any(gpus))
        if each:
            most = sum(int(n // each) for n in gpus)
            what = f"{sum(gpus):g} GPUs with {each:g} a worker"
        else:
            most, what = sum(cpus), f"{sum(cpus)} processors"
        number = self.wish.number or (most if each else len(nodes))
        if number > most:
            raise UsageError(
                f"--num_workers {number}: the cluster has {what}, which is room for {most}"
            )
        return Room(number, _cpus(cpus, number) if not each else 1, each)

    def start(self, room: Room, make: type, *args: Any) -> list[Any]:
        """The workers, each a ray actor that is restarted wherever there is room when it dies."""
        actor = self._ray.remote(make).options(
            num_cpus=room.cpus,
            num_gpus=room.gpus,
            max_restarts=-1,
            max_task_retries=0,  # what a dead worker was doing goes to whoever is free first
            scheduling_strategy="SPREAD",
        )
        self._actors = [actor.remote(*args) for _ in range(room.workers)]
        return self._actors

    def get(self, reference: Any) -> Any:
        """What a worker gives; its own errors as they were raised, its death as WorkerLost."""
        from ray.exceptions import RayError, RayTaskError

        try:
            return self._ray.get(reference)
        except RayTaskError as error:
            raise error.cause from None
        except RayError as error:
            raise WorkerLost(_first_sentence(error)) from None

    def wait_for(self, method: Any) -> Any:
        """What a method gives that changes nothing, asked until its worker is there again."""
        from ray.exceptions import ActorUnavailableError

        while True:
            try:
                return self.get(method.remote())
            except WorkerLost as error:
                if not isinstance(error.__context__, ActorUnavailableError):
                    raise
            time.sleep(_PATIENCE)

    def first(self, references: list[Any]) -> Any:
        """The reference that is there first."""
        done, _ = self._ray.wait(references, num_returns=1)
        return done[0]

    def stream(self, references: Iterator[Any]) -> Iterator[Any]:
        """What a worker gives piece by piece; errors as `get`."""
        from ray.exceptions import RayError

        while True:
            try:
                reference = next(references)
            except StopIteration:
                return
            except RayError as error:
                raise WorkerLost(_first_sentence(error)) from None
            yield self.get(reference)

    def close(self) -> None:
        """End the workers, and the cluster if it was started here."""
        for actor in self._actors:
            self._ray.kill(actor)
        self._actors = []
        if self._mine:
            self._ray.shutdown()


def _import_ray() -> Any:
    for name, value in _ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    try:
        import ray
    except ImportError:
        raise MissingExtra("--executor ray", "ray") from None
    return ray


def _knock(address: str | None) -> None:
    """Ray itself tries an address where nobody listens for minutes, and then ends the process."""
    host, colon, port = (address or "").rpartition(":")
    if colon and port.isdecimal() and "/" not in host:
        socket.create_connection((host, int(port)), timeout=10).close()


def _cpus(nodes: list[int], workers: int) -> int:
    """The most processors that each of so many workers can have, whole nodes considered."""
    fits: Callable[[int], bool] = lambda each: sum(n // each for n in nodes) >= workers  # noqa: E731
    return max((each for each in range(1, max(nodes) + 1) if fits(each)), default=1)


def _first_sentence(error: BaseException) -> str:
    return " ".join(str(error).split()).split(". ")[0][:200]
