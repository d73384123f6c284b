"""The ways to judge that are measured side by side, each in a process of its own."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from harness.bench.apart import Timed, apart
from harness.bench.latency_server import ANSWER, MODEL
from harness.errors import HarnessError, UsageError

TASK = "demo_zh"  # its data is replaced by the pairs of a load
BARE, HARNESS = "bare aiohttp", "harness, its calls"
LM_EVAL = "lm-eval local-chat-completions"


@dataclass(frozen=True, slots=True)
class Load:
    """What a way is given: a server, pairs judged in both orders, and how many calls at a time."""

    base_url: str
    pairs: Path
    judge: str
    concurrency: int


Way = Callable[[Load], float]


def measure(way: str, load: Load, warm: Path | None) -> Timed:
    """Run a way in a new process, on the pairs of `warm` first; raises what it raises."""
    return apart(_seconds, way, load, warm)


def _seconds(way: str, load: Load, warm: Path | None) -> float:
    if warm is not None:
        WAYS[way](replace(load, pairs=warm))
    return WAYS[way](load)


def missing(way: str) -> str | None:
    """The package that a way needs and that is not here."""
    return "lm-eval" if way == LM_EVAL and importlib.util.find_spec("lm_eval") is None else None


def _bare(load: Load) -> float:
    """The plainest client: a semaphore and aiohttp, which carries the calls of the harness too."""
    payloads = [
        {"model": MODEL, "messages": messages, "temperature": 0, "max_tokens": 2048}
        for messages in prompts(load)
    ]
    began = time.perf_counter()
    answers = asyncio.run(_bare_calls(load, payloads))
    seconds = time.perf_counter() - began
    if set(answers) != {ANSWER}:
        raise HarnessError("the benchmark's own server was not understood: answers are missing")
    return seconds


async def _bare_calls(load: Load, payloads: Sequence[dict[str, Any]]) -> list[str]:
    import aiohttp

    gate = asyncio.Semaphore(load.concurrency)
    connector = aiohttp.TCPConnector(limit=load.concurrency)
    async with aiohttp.ClientSession(connector=connector) as session:

        async def call(payload: dict[str, Any]) -> str:
            async with gate, session.post(url(load), json=payload) as answer:
                answer.raise_for_status()
                return str((await answer.json())["choices"][0]["message"]["content"])

        return await asyncio.gather(*map(call, payloads))


def url(load: Load) -> str:
    """Where chat completions are asked for."""
    return f"{load.base_url}/chat/completions"


def prompts(load: Load) -> list[list[dict[str, str]]]:
    """The messages that the harness sends for these pairs, made beforehand."""
    from harness.asking import Asking
    from harness.data import load_pairs
    from harness.judging import PairAsker
    from harness.models.base import ModelRef, ModelSettings
    from harness.models.fake import open_fake
    from harness.request import RunRequest, resolve_tasks
    from harness.spec_files import load_any
    from harness.specs import PairwiseJudge, TaskSpec

    [task] = resolve_tasks(RunRequest(tasks=(TASK,), model=""))
    assert isinstance(task.spec, TaskSpec)
    judge = load_any("judges", load.judge, (PairwiseJudge,), "judge")
    if judge.repeats != 1:
        raise UsageError(f"judge {judge.name}: repeats is {judge.repeats}; measure it with 1")
    pairs = load_pairs(task.spec, file=load.pairs, home=task.home).pairs
    nobody = open_fake(ModelRef("fake", "first"), ModelSettings())
    asking = Asking(sampling=judge.sampling, orders="both", seed=0)
    asker = PairAsker(pairs, nobody, judge, asking)
    return [
        [message.as_dict() for message in asker.request(*owed).messages] for owed in asker.owed(())
    ]


class _Stopwatch:
    """The progress of a run, of which only the time between two words is kept."""

    def __init__(self) -> None:
        self.seconds = self._began = 0.0
        self._judging = False

    def notice(self, message: str) -> None: ...

    def advance(self, n: int, *, tokens: int = 0) -> None: ...

    def start(self, what: str, total: int, unit: str) -> None:
        self._judging, self._began = what == "judging", time.perf_counter()

    def finish(self) -> None:
        if self._judging:
            self.seconds, self._judging = time.perf_counter() - self._began, False


def _harness(load: Load) -> float:
    """The whole road of `harness run`; the time between the first request and the last verdict."""
    from harness.models.base import ModelSettings
    from harness.request import RunRequest
    from harness.runner import run

    watch = _Stopwatch()
    with tempfile.TemporaryDirectory() as folder:
        request = RunRequest(
            tasks=(TASK,),
            model=f"openai:{MODEL}",
            model_args=f"base_url={load.base_url}",
            settings=ModelSettings(judge=load.judge, num_concurrent=load.concurrency),
            data={TASK: load.pairs},
            output_path=Path(folder),
        )
        [result] = run(request, watch)
    if result.results["metrics"]["coverage"] != 1.0:
        raise HarnessError("the benchmark's own server was not understood: verdicts are missing")
    return watch.seconds


def _lm_eval(load: Load) -> float:
    os.environ |= {"TQDM_DISABLE": "1", "NO_PROXY": "*"}  # one call at a time goes by requests
    import lm_eval.models  # noqa: F401 - fills the registry
    from lm_eval.api.instance import Instance
    from lm_eval.api.registry import get_model

    options = f"model={MODEL},base_url={url(load)},num_concurrent={load.concurrency}"
    model = get_model("local-chat-completions").create_from_arg_string(options, {})
    requests = [
        Instance(
            request_type="generate_until",
            doc={},
            arguments=(
                model.apply_chat_template(messages),
                {"until": [], "max_gen_toks": 2048, "do_sample": False},
            ),
            idx=0,
            metadata=("bench", number, 1),
        )
        for number, messages in enumerate(prompts(load))
    ]
    began = time.perf_counter()
    answers = model.generate_until(requests)
    seconds = time.perf_counter() - began
    if set(answers) != {ANSWER}:
        raise HarnessError("lm-eval did not understand the benchmark's server: answers are missing")
    return seconds


WAYS: dict[str, Way] = {BARE: _bare, HARNESS: _harness, LM_EVAL: _lm_eval}
