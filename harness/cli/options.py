"""The flags that say how a model is run, the same for every verb that runs one."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from harness.errors import UsageError

MORE_THAN_ZERO = click.IntRange(min=1)

_OPTIONS = (
    click.option("--model_args", metavar="K=V,...", help="base_url=, revision=, peft=, name=, ..."),
    click.option("--judge", metavar="NAME|FILE", help="How to ask or run the model."),
    click.option(
        "--orders",
        type=click.Choice(["both", "seeded"]),
        default="both",
        show_default=True,
        help="Orders a pairwise judge sees.",
    ),
    click.option(
        "--include_path",
        multiple=True,
        type=click.Path(path_type=Path),
        help="A folder with your own YAML.",
    ),
    click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True),
    click.option(
        "--batch_size",
        metavar="auto|N",
        default="auto",
        show_default=True,
        help="Texts in a batch at most.",
    ),
    click.option("--max_batch_tokens", type=MORE_THAN_ZERO, help="Tokens in a batch at most."),
    click.option("--max_length", type=MORE_THAN_ZERO, help="Tokens a text may have."),
    click.option(
        "--truncate",
        type=click.Choice(["error", "left", "right"]),
        default="error",
        show_default=True,
        help="What to do with a longer text.",
    ),
    click.option(
        "--dtype",
        type=click.Choice(["auto", "bfloat16", "float16", "float32"]),
        default="auto",
        show_default=True,
    ),
    click.option(
        "--device", type=click.Choice(["auto", "cpu", "cuda"]), default="auto", show_default=True
    ),
    click.option(
        "--output_path", type=click.Path(path_type=Path), default=Path("results"), show_default=True
    ),
    click.option("--fresh", is_flag=True, help="Start over what is there already."),
    click.option(
        "--trust_remote_code", is_flag=True, help="Run code that comes with a checkpoint."
    ),
    click.option(
        "--gen_kwargs", metavar="K=V,...", help="temperature=, top_p=, max_tokens=, stop=A|B."
    ),
    click.option(
        "--num_concurrent",
        type=MORE_THAN_ZERO,
        default=16,
        show_default=True,
        help="Calls to a server in flight at most.",
    ),
    click.option(
        "--price_file",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        help="What tokens cost.",
    ),
    click.option("--max_errors", type=MORE_THAN_ZERO, help="Give up after so many errors."),
    click.option(
        "--executor",
        type=click.Choice(["local", "ray"]),
        default="local",
        show_default=True,
        help="Who does a local model's work: this process, or workers of ray.",
    ),
    click.option("--num_workers", type=MORE_THAN_ZERO, help="Of ray; one a GPU without."),
    click.option(
        "--gpus_per_worker",
        type=click.FloatRange(min=0),
        help="Of ray; 1 where there are GPUs.",
    ),
    click.option("--ray_address", metavar="auto|HOST:PORT", help="A ray cluster that is running."),
    click.option("--dry_run", is_flag=True, help="Check everything, ask and score nothing."),
)


def model_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """A command with these flags, in this order."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def make_request(flags: dict[str, Any], **more: Any) -> Any:
    """These flags as a checked request; `more` are its other fields."""
    from harness.models.base import ModelSettings
    from harness.request import RunRequest

    settings = ModelSettings(
        judge=flags["judge"],
        dtype=flags["dtype"],
        device=flags["device"],
        max_length=flags["max_length"],
        truncate=flags["truncate"],
        trust_remote_code=flags["trust_remote_code"],
        seed=flags["seed"],
        segmenter=flags.get("tokenizer", "jieba"),
        batch_size=batch_size(flags["batch_size"]),
        max_batch_tokens=flags["max_batch_tokens"],
        num_concurrent=flags["num_concurrent"],
        include=flags["include_path"],
        bad_rows=flags.get("bad_rows", "refuse"),
    )
    same = (
        "model", "model_args", "orders", "max_errors", "output_path", "gen_kwargs", "fresh",
        "price_file",
    )  # fmt: skip
    return RunRequest(
        settings=settings,
        include=flags["include_path"],
        processes=cores(),
        workers=_workers(flags),
        **{key: flags[key] for key in same},
        **more,
    )


def _workers(flags: dict[str, Any]) -> Any:
    """The workers asked for; their flags mean nothing without --executor ray."""
    from harness.executors import Workers

    named = ("num_workers", "gpus_per_worker", "ray_address")
    if flags["executor"] == "ray":
        number, gpus, address = (flags[name] for name in named)
        if gpus is not None and gpus > 1 and gpus != int(gpus):
            raise UsageError(f"--gpus_per_worker {gpus:g}: a whole number, or a fraction below 1")
        return Workers(number, gpus, address)
    for name in named:
        if flags[name] is not None:
            raise UsageError(f"--{name} belongs to --executor ray")
    return None


def cores() -> int:
    """The processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def batch_size(text: str) -> int | None:
    """A number of texts, or auto."""
    if text == "auto":
        return None
    if text.isdecimal() and int(text) > 0:
        return int(text)
    raise UsageError(f"--batch_size {text}: a whole number above 0, or auto")
