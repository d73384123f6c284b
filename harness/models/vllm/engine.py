"""Starts vLLM's engine in this process, and puts prompts and texts into its queue."""

from __future__ import annotations

import math
import os
import warnings
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from harness.errors import ModelError, UsageError
from harness.specs import Sampling

if TYPE_CHECKING:  # imports torch
    from harness.models.base import Ids
    from harness.models.chat.flight import Row

ENVIRONMENT = {
    # the engine as a process of its own outlives a harness that is killed, and keeps the GPU
    "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
    "VLLM_NO_USAGE_STATS": "1",
    "VLLM_LOGGING_LEVEL": "ERROR",
    "VLLM_LOGGING_STREAM": "ext://sys.stderr",  # its own choice is stdout
}
CPU_CORES = "VLLM_CPU_OMP_THREADS_BIND"
# what of --model_args reaches the engine, how it is read, and what it is called when it cannot be
_WHOLE, _REAL, _BOTH = (int, "a whole number"), (float, "a number"), "true or false"
_PARALLEL = ("data", "pipeline", "tensor")
ENGINE: Mapping[str, tuple[Callable[[str], Any], str]] = {
    **{f"{kind}_parallel_size": _WHOLE for kind in _PARALLEL},
    "distributed_executor_backend": (str, "a name"),
    "gpu_memory_utilization": _REAL,
    "max_model_len": _WHOLE,
    "max_num_seqs": _WHOLE,
    "max_num_batched_tokens": _WHOLE,
    "enforce_eager": (lambda text: {"true": True, "false": False}[text.lower()], _BOTH),
    "quantization": (str, "a name"),
}


def vllm_is_there() -> bool:
    """Whether vLLM is installed. A mere folder of that name has a spec, too, but no origin."""
    spec = find_spec("vllm")
    return spec is not None and spec.origin is not None


def package() -> str:
    """Name and version of the package that brought vLLM: builds for other devices have others."""
    from importlib.metadata import packages_distributions, version

    (name, *_) = packages_distributions()["vllm"]
    return f"{name} {version(name)}"


def engine_options(options: Mapping[str, str]) -> dict[str, Any]:
    """Those of --model_args that are the engine's, typed."""
    found = {}
    for key, (read, kind) in ENGINE.items():
        if key in options:
            try:
                found[key] = read(options[key])
            except (ValueError, KeyError):
                raise UsageError(f"--model_args {key}={options[key]}: {kind}, please") from None
    return found


def start_engine(path: str, *, device: str, limit: int | None, **options: Any) -> Any:
    """vLLM's engine with the weights at `path`; a prompt and its answer have `limit` tokens.

    Of generation_config.json it knows the end tokens alone. It runs in this process, copies of
    the model (data_parallel_size) in others: in one process they would wait for each other for
    ever. Parts of a model are workers of the engine.
    """
    prepare(device, options)
    from vllm.platforms import current_platform

    if current_platform.device_type != device:
        raise UsageError(
            f"--device {device}: this vLLM is built for {current_platform.device_type}"
        )
    always = {
        "model": path,
        "max_model_len": limit,
        "generation_config": "vllm",
        "disable_log_stats": True,
        "use_tqdm_on_load": False,
    }
    try:
        with warnings.catch_warnings(action="ignore"):  # of its own code, about torch's
            return _start({"enable_prefix_caching": True, **options, **always})
    except Exception as error:
        if not isinstance(error, _start_failures()) and type(error) is not Exception:
            raise
        said = " ".join(str(error).split())[:600] or type(error).__name__
        raise ModelError(
            f"{path}: vLLM cannot run it: {said} (--model_args: {', '.join(ENGINE)})"
        ) from error


def _start(options: dict[str, Any]) -> Any:
    from vllm import EngineArgs, LLMEngine
    from vllm.usage.usage_lib import UsageContext

    if options.get("data_parallel_size", 1) > 1:
        from harness.models.vllm.copies import Copies

        return Copies(options)
    # the context decides how much it takes into a step: as much as offline work can
    return LLMEngine.from_engine_args(EngineArgs(**options), usage_context=UsageContext.LLM_CLASS)


def _start_failures() -> tuple[type[Exception], ...]:
    """What vLLM's start raises; for a worker that died it is an Exception of no other type."""
    return (*refusals(), RuntimeError, OSError, ImportError, AssertionError, KeyError)


def prepare(device: str, options: Mapping[str, Any]) -> None:
    """The environment that vLLM reads when it is imported; what the user has set stays."""
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    parts = math.prod(options.get(f"{kind}_parallel_size", 1) for kind in _PARALLEL)
    if device == "cpu" and parts > 1:
        # left to itself it wants a memory node for every part
        cores = sorted(os.sched_getaffinity(0))
        lists = [",".join(map(str, cores[part::parts])) for part in range(parts)]
        if all(lists):
            os.environ.setdefault(CPU_CORES, "|".join(lists))


def enqueue(engine: Any, number: str, row: Row, sampling: Sampling, ends: frozenset[int]) -> None:
    """Put a row in the queue under a number; raises one of `refusals`."""
    from vllm import SamplingParams
    from vllm.sampling_params import RequestOutputKind

    params = SamplingParams(
        temperature=sampling.temperature,
        top_p=sampling.top_p or 1.0,
        top_k=sampling.top_k or 0,
        seed=row.request.seed if sampling.temperature > 0 else None,
        max_tokens=row.room,
        stop=list(sampling.stop),
        stop_token_ids=sorted(ends),
        detokenize=bool(sampling.stop),  # answers are decoded as those of other models
        output_kind=RequestOutputKind.FINAL_ONLY,
    )
    engine.add_request(number, {"type": "token", "prompt_token_ids": row.prompt}, params)


def pool(engine: Any, texts: Sequence[Ids], task: str) -> list[Any]:
    """What a pooling engine makes of each text, in their order: a float32 tensor without
    activation, (outputs,) for the task `classify` and (tokens, outputs) for `token_classify`.

    All texts stand in its queue at once. Raises one of `refusals` for a text it does not take;
    nothing is left in the queue then.
    """
    from vllm import PoolingParams

    found: dict[str, Any] = {}
    numbers = [str(number) for number in range(len(texts))]
    waiting = set()
    try:
        for number, ids in zip(numbers, texts, strict=True):
            params = PoolingParams(task=task, use_activation=False)
            prompt = {"type": "token", "prompt_token_ids": ids.tolist()}
            engine.add_request(number, prompt, params)
            waiting.add(number)
        while waiting:
            for output in engine.step():
                if output.finished:
                    found[output.request_id] = output.outputs.data.float()
                    waiting.remove(output.request_id)
    except BaseException:  # passed on; the next call finds the queue empty
        engine.abort_request(sorted(waiting))
        raise
    return [found[number] for number in numbers]


def refusals() -> tuple[type[Exception], ...]:
    """What vLLM raises where a prompt or a setting is not to its liking."""
    from vllm import exceptions

    return (ValueError, getattr(exceptions, "VLLMError", ValueError))
