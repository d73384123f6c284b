"""The workers of a model: started when first needed, each checked before it is used."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from harness.errors import ModelError
from harness.executors.cluster import Cluster, Room
from harness.executors.worker import Description, Worker, model_sha256, packages


class Staff:
    """The workers of a model: started when first needed, each checked before it is used."""

    def __init__(self, cluster: Cluster, room: Room, given: tuple[Any, ...], local: Any) -> None:
        self.cluster, self.room, self._given, self._local = cluster, room, given, local
        self.hardware: dict[str, Any] | None = None

    @cached_property
    def workers(self) -> list[Any]:
        """The actors."""
        return self.cluster.start(self.room, Worker, *self._given)

    @cached_property
    def _expected(self) -> str:
        return model_sha256(self._local)

    def ready(self, lane: int) -> None:
        """Wait for a worker, also for one that is being replaced; refuse one that differs."""
        self._check(self.cluster.wait_for(self.workers[lane].describe))

    def first(self) -> Any:
        """Whichever worker is ready first."""
        references = {worker.describe.remote(): worker for worker in self.workers}
        reference = self.cluster.first(list(references))
        self._check(self.cluster.get(reference))
        return references[reference]

    def _check(self, found: Description) -> None:
        if found.packages != packages():
            there, here = dict(found.packages), dict(packages())
            names = [name for name in {**here, **there} if here.get(name) != there.get(name)]
            differ = ", ".join(
                f"{name} {there.get(name, 'missing')} (here {here.get(name, 'missing')})"
                for name in names
            )
            raise ModelError(
                f"the worker on {found.node} has {differ}: numbers of different versions do not "
                "mix; install the same there"
            )
        if found.model_sha256 != self._expected:
            raise ModelError(
                f"the worker on {found.node} finds another model under {self._given[0].what}: give "
                "all nodes the same files, best on a file system they share"
            )
        self.hardware = found.hardware

    def facts(self) -> dict[str, Any]:
        """What the manifest says of them."""
        room = self.room
        return {
            "executor": {
                "name": "ray",
                "workers": room.workers,
                "cpus_per_worker": room.cpus,
                "gpus_per_worker": room.gpus,
            },
            **({"hardware": self.hardware} if self.hardware else {}),
        }
