"""Where the work of a job is done: on the lanes of a model here, or by workers of ray."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout

from harness.executors.lanes import over_lanes
from harness.executors.settings import Workers
from harness.models import ModelSettings, Opened, open_model

__all__ = ["Workers", "opened", "over_lanes"]


@contextmanager
def opened(
    model: str, model_args: str | None, settings: ModelSettings, workers: Workers | None
) -> Iterator[Opened]:
    """The model a --model names, in this process or (`workers`) on ray, for as long as needed."""
    if workers is None:
        yield open_model(model, model_args, settings)
        return
    from harness.executors.remote import open_remote

    with redirect_stdout(sys.stderr):  # where ray tells of its troubles
        remote = open_remote(model, model_args, settings, workers)
        try:
            yield remote
        finally:
            remote.close()
