"""The ways to sum log-probabilities that are measured side by side, each in its own process."""

from __future__ import annotations

import importlib.util
import json
import os
import resource
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.bench.apart import apart
from harness.bench.checkpoints import END
from harness.bench.rounds import Stopwatch
from harness.errors import HarnessError
from harness.models.base import ModelRef, ModelSettings
from harness.records import Pair, candidate

OURS, ONE, EIGHT = "harness likelihood:", "lm-eval hf, batch of 1", "lm-eval hf, batch of 8"
_LEFT = 0.9  # share of the memory that is free now which a way may take


class TooLarge(HarnessError):
    """A way needs more memory than is free."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What every way is given; `out` is where it leaves its sums."""

    checkpoint: Path
    pairs: tuple[Pair, ...]
    device: str
    dtype: str
    out: Path


@dataclass(frozen=True, slots=True)
class Summed:
    """Seconds from strings to sums by text id, and memory of the process in MiB: with the model
    loaded, and at most. On a GPU the memory is the device's."""

    seconds: float
    sums: Mapping[str, float]
    loaded: float
    peak: float


Way = Callable[[Setting, Sequence[Pair]], tuple[float, Mapping[str, float]]]


def summed(way: str, setting: Setting) -> Summed:
    """Run a way in a new process, first on one pair. Raises TooLarge where it does not fit."""
    peak = apart(_measured, way, setting).peak
    found = json.loads(setting.out.read_text(encoding="utf-8"))
    return Summed(found["seconds"], found["sums"], found["loaded"], found["peak"] or peak)


def missing() -> bool:
    """Whether lm-eval is not installed here."""
    return importlib.util.find_spec("lm_eval") is None


def _measured(way: str, setting: Setting) -> float:
    import torch

    on_gpu = setting.device == "cuda"
    try:
        call = WAYS[way](setting)
        call(setting, setting.pairs[:1])
        if not on_gpu:
            _limit()
        loaded = torch.cuda.memory_allocated() / 2**20 if on_gpu else _resident()
        seconds, sums = call(setting, setting.pairs)
    except (torch.OutOfMemoryError, MemoryError):
        raise TooLarge(f"{way}: out of memory") from None
    except RuntimeError as error:  # of torch's allocator on a CPU, which has no class of its own
        if "allocate memory" not in str(error):
            raise
        raise TooLarge(f"{way}: out of memory") from None
    peak = torch.cuda.max_memory_allocated() / 2**20 if on_gpu else None
    found = {"seconds": seconds, "sums": dict(sums), "loaded": loaded, "peak": peak}
    setting.out.write_text(json.dumps(found), encoding="utf-8")
    return seconds


def _limit() -> None:
    """Let the process fail where it would need more memory than is free, not be killed."""
    known = Path("/proc/meminfo")
    if known.is_file():
        [line] = [row for row in known.read_text().splitlines() if row.startswith("MemAvailable")]
        most = int(_LEFT * int(line.split()[1]) * 1024 + _resident() * 2**20)
        _, hard = resource.getrlimit(resource.RLIMIT_DATA)
        resource.setrlimit(resource.RLIMIT_DATA, (most, hard))


def _resident() -> float:
    """Memory of this process now, in MiB; 0 where the system does not say."""
    known = Path("/proc/self/statm")
    if not known.is_file():
        return 0.0
    return int(known.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def _ours(setting: Setting) -> Way:
    """The road of `harness run --model likelihood:PATH,norm=sum`, without its folder."""
    from harness.models.likelihood import open_likelihood
    from harness.scoring import ScoreTable, distinct_texts, score_texts

    settings = ModelSettings(dtype=setting.dtype, device=setting.device)  # type: ignore[arg-type]
    model = open_likelihood(
        ModelRef("likelihood", str(setting.checkpoint), {"norm": "sum"}), settings
    )

    def way(_: Setting, pairs: Sequence[Pair]) -> tuple[float, Mapping[str, float]]:
        texts = distinct_texts(pairs)
        done = ScoreTable(len(texts))
        budget = model.budget(max_tokens=None, max_texts=None)
        watch = Stopwatch()
        score_texts(texts, model, budget=budget, done=done, write=lambda _: None, progress=watch)
        return watch.seconds, {texts.name(n): float(value) for n, value in enumerate(done.value)}

    return way


def _lm_eval(batch_size: int) -> Callable[[Setting], Way]:
    def load(setting: Setting) -> Way:
        """Its own back-end and its own loop, with the softmax in float32."""
        os.environ["TQDM_DISABLE"] = "1"
        import lm_eval.models  # noqa: F401 - fills the registry
        from lm_eval.api.instance import Instance
        from lm_eval.api.registry import get_model
        from transformers.utils import logging

        logging.disable_progress_bar()
        model = get_model("hf")(
            pretrained=str(setting.checkpoint),
            dtype=setting.dtype,
            softmax_dtype="float32",
            device=setting.device,
            batch_size=batch_size,
        )

        def way(_: Setting, pairs: Sequence[Pair]) -> tuple[float, Mapping[str, float]]:
            began = time.perf_counter()
            texts = {
                candidate(pair, side).id: (pair.prompt, side.response)
                for pair in pairs
                for side in (pair.chosen, pair.rejected)
            }
            requests = [
                Instance("loglikelihood", {}, strings(prompt, text), number)
                for number, (prompt, text) in enumerate(texts.values())
            ]
            answers = model.loglikelihood(requests, disable_tqdm=True)
            seconds = time.perf_counter() - began
            return seconds, {
                name: float(total) for name, (total, _) in zip(texts, answers, strict=True)
            }

        return way

    return load


def strings(prompt: str, text: str) -> tuple[str, str]:
    """Context and continuation: what the template of the checkpoint makes of a text."""
    return f"<|user|>{prompt}{END}<|assistant|>", f"{text}{END}"


WAYS: dict[str, Callable[[Setting], Way]] = {ONE: _lm_eval(1), EIGHT: _lm_eval(8), OURS: _ours}
