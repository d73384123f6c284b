"""One training in several processes: who is first, what the others are told, when to wait."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, TypeVar

from harness.specs import Training
from harness.training.launch import World, world

Value = TypeVar("Value")
_PATIENCE = timedelta(hours=2)  # the others wait while the first reads and tokenises


class Processes:
    """The processes that `accelerate launch` started, or this one alone."""

    def __init__(self, spec: Training) -> None:
        self.world: World = world()
        self._state: Any = None
        if self.world.processes > 1:
            import torch
            from accelerate import PartialState

            # without a GPU accelerate takes every process for one that is alone, unless told
            cpu = spec.device == "cpu" or not torch.cuda.is_available()
            self._state = PartialState(cpu=cpu, timeout=_PATIENCE)

    @property
    def main(self) -> bool:
        """Whether this is the first of them, the one that reads, prints and writes."""
        return self.world.main

    @property
    def count(self) -> int:
        """How many there are."""
        return self.world.processes

    def share(self, value: Value) -> Value:
        """The first one's value, in all of them."""
        if self._state is None:
            return value
        from accelerate.utils import broadcast_object_list

        held: list[Any] = [value]
        broadcast_object_list(held, from_process=0)
        return held[0]  # type: ignore[no-any-return]

    def wait(self) -> None:
        """Go on when all have come here."""
        if self._state is not None:
            self._state.wait_for_everyone()
