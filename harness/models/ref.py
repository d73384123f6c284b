"""Reads --model and --model_args."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from harness.errors import UsageError, unknown_name
from harness.models.base import ModelRef


def parse_model(model: str, model_args: str | None, backends: Sequence[str]) -> ModelRef:
    """`backend:what[,key=value...]`, a path or hub id, or lm-eval's `hf` with `pretrained=`."""
    options = parse_options(model_args or "", "--model_args")
    if not model.strip():
        raise UsageError("--model: a folder, a hub id or backend:what")
    if model in backends:
        what = options.pop("pretrained", None)
        if what is None:
            raise UsageError(
                f"--model {model}: write {model}:WHAT, or add --model_args pretrained=PATH"
            )
        return ModelRef(model, what, options)
    backend, colon, rest = model.partition(":")
    if not colon:
        return ModelRef("hf", options.pop("pretrained", model), options)
    if backend not in backends:
        raise UsageError("--model: " + unknown_name("backend", backend, backends))
    what, _, inline = rest.partition(",")
    if not what:
        raise UsageError(f"--model {model}: nothing stands after {backend}:")
    return ModelRef(backend, what, parse_options(inline, f"--model {model}") | options)


def parse_options(text: str, where: str) -> dict[str, str]:
    """`k=v,k=v` as a dict."""
    options: dict[str, str] = {}
    for place, part in enumerate(filter(None, text.split(",")), 1):
        key, equals, value = part.partition("=")
        if not equals or not key:
            # not shown: what stands between commas may be half of somebody's key
            raise UsageError(f"{where}: part {place} is not key=value")
        if key in options:
            raise UsageError(f"{where}: {key} is given twice")
        options[key.strip()] = value.strip()
    return options


def check_options(options: Mapping[str, str], known: Sequence[str]) -> None:
    """Refuse an option that the backend does not know, with the nearest it does."""
    for key in options:
        if key not in known:
            raise UsageError("--model_args: " + unknown_name("key", key, known))
