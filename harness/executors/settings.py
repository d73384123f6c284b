"""Where a model's work is done: in this process, or by workers of ray."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Workers:
    """The workers asked for with --executor ray.

    `number` of them, each with `gpus` GPUs (a fraction is a share of one); null leaves it to what
    the cluster has. `address` is that of a running cluster, "auto" for the one this machine
    belongs to, null to start one here for the length of the run.
    """

    number: int | None = None
    gpus: float | None = None
    address: str | None = None
