"""Run inside the environment of another program: its command as it stands, its scoring timed.

    python peer_command.py NAME FACTS.json FLAGS...

Everything runs on the CPU. rewardbench's pipeline moves its inputs to "cuda" wherever the model is;
they stay where they are, or it would run on a GPU alone. Nothing of the harness is imported.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

# Of each: its distribution, the function behind its command, and the method that scores.
_KNOWN = {
    "rewardbench": (
        "rewardbench",
        "rewardbench.rewardbench:main",
        "rewardbench.models.pipeline:RewardBenchPipeline:__call__",
    ),
    "lm_eval": (
        "lm-eval",
        "lm_eval.__main__:cli_evaluate",
        "lm_eval.models.huggingface:HFLM:loglikelihood",
    ),
}


def main() -> None:
    """FACTS.json gets the version and the seconds from strings to numbers."""
    name, facts, *flags = sys.argv[1:]
    os.environ |= {
        "CUDA_VISIBLE_DEVICES": "",
        "HF_HUB_OFFLINE": "1",
        "HF_HOME": str(Path(facts).resolve().parent / "hf_home"),
        "WANDB_MODE": "disabled",
    }
    distribution, entry, method = _KNOWN[name]
    module, _, function = entry.partition(":")
    command = getattr(importlib.import_module(module), function)
    place, owner, attribute = method.split(":")
    scorer = getattr(importlib.import_module(place), owner)
    watch = _Watch(getattr(scorer, attribute))
    setattr(scorer, attribute, lambda *given, **options: watch.call(*given, **options))
    _keep_on_cpu()
    sys.argv = [name, *flags]
    command()
    found = {"version": version(distribution), "seconds": watch.seconds}
    Path(facts).write_text(json.dumps(found), encoding="utf-8")


def _keep_on_cpu() -> None:
    from transformers import BatchEncoding

    move = BatchEncoding.to
    BatchEncoding.to = lambda self, device, **options: move(
        self, "cpu" if device == "cuda" else device, **options
    )


class _Watch:
    """Adds up what the calls of a method take."""

    def __init__(self, method: Any) -> None:
        self.seconds, self._method = 0.0, method

    def call(self, *given: Any, **options: Any) -> Any:
        began = time.perf_counter()
        found = self._method(*given, **options)
        self.seconds += time.perf_counter() - began
        return found


if __name__ == "__main__":
    main()
