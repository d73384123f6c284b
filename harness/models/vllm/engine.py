"""Starts vLLM's engine in this process, and puts prompts into its queue."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from harness.errors import ModelError, UsageError
from harness.specs import Sampling

if TYPE_CHECKING:  # imports torch
    from harness.models.chat.flight import Row

_ENVIRONMENT = {
    # the engine as a process of its own outlives a harness that is killed, and keeps the GPU
    "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
    "VLLM_NO_USAGE_STATS": "1",
    "VLLM_LOGGING_LEVEL": "ERROR",
    "VLLM_LOGGING_STREAM": "ext://sys.stderr",  # its own choice is stdout
}
# what of --model_args reaches the engine, how it is read, and what it is called when it cannot be
_WHOLE, _REAL, _BOTH = (int, "a whole number"), (float, "a number"), "true or false"
ENGINE: Mapping[str, tuple[Callable[[str], Any], str]] = {
    "tensor_parallel_size": _WHOLE,
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

    Of generation_config.json it knows the end tokens alone.
    """
    for name, value in _ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    from vllm import EngineArgs, LLMEngine
    from vllm.platforms import current_platform

    if current_platform.device_type != device:
        raise UsageError(
            f"--device {device}: this vLLM is built for {current_platform.device_type}"
        )
    failures: tuple[type[Exception], ...] = (*refusals(), RuntimeError, OSError, ImportError)
    try:
        args = EngineArgs(
            model=path,
            max_model_len=limit,
            enable_prefix_caching=True,
            generation_config="vllm",
            disable_log_stats=True,
            use_tqdm_on_load=False,
            **options,
        )
        with warnings.catch_warnings(action="ignore"):  # of its own code, about torch's
            return LLMEngine.from_engine_args(args)
    except failures as error:
        said = " ".join(str(error).split())[:600]
        raise ModelError(
            f"{path}: vLLM cannot run it: {said} (--model_args: {', '.join(ENGINE)})"
        ) from error


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


def refusals() -> tuple[type[Exception], ...]:
    """What vLLM raises where a prompt or a setting is not to its liking."""
    from vllm import exceptions

    return (ValueError, getattr(exceptions, "VLLMError", ValueError))
