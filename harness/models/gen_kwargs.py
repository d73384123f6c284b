"""Reads --gen_kwargs: what overrules the sampling of a judge file."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from harness.errors import UsageError, unknown_name
from harness.models.ref import parse_options
from harness.specs import Sampling

_FLAG = "--gen_kwargs"
# what lm-eval calls them
_ALSO = {"max_gen_toks": "max_tokens", "max_new_tokens": "max_tokens", "until": "stop"}
_WHOLE = ("top_k", "max_tokens")
_REAL = ("temperature", "top_p")
_YES_NO = {"true": True, "false": False}


def resolve_sampling(base: Sampling, gen_kwargs: str | None) -> Sampling:
    """The judge's sampling with --gen_kwargs over it; `do_sample=false` means temperature 0.

    Several stop strings are separated by `|`. Raises UsageError naming the key.
    """
    changes: dict[str, Any] = {}
    greedy = False
    for name, text in parse_options(gen_kwargs or "", _FLAG).items():
        key = _ALSO.get(name, name)
        if key == "do_sample":
            greedy = not _value("thinking", text)
        elif key in Sampling.model_fields:
            if key in changes:
                raise UsageError(f"{_FLAG}: {key} is given twice")
            changes[key] = _value(key, text)
        else:
            known = (*Sampling.model_fields, *_ALSO, "do_sample")
            raise UsageError(f"{_FLAG}: " + unknown_name("key", name, known))
    if greedy and changes.setdefault("temperature", 0.0) != 0:
        raise UsageError(f"{_FLAG}: do_sample=false and temperature above 0 contradict each other")
    try:
        return Sampling.model_validate(base.model_dump() | changes)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise UsageError(f"{_FLAG} {first['loc'][0]}={first['input']}: {first['msg']}") from None


def _value(key: str, text: str) -> Any:
    try:
        if key in _WHOLE:
            return int(text)
        if key in _REAL:
            return float(text)
    except ValueError:
        raise UsageError(f"{_FLAG} {key}={text}: not a number") from None
    if key == "stop":
        return tuple(part for part in text.split("|") if part)
    if key == "thinking":
        if text.lower() not in _YES_NO:
            raise UsageError(f"{_FLAG} {text!r}: true or false")
        return _YES_NO[text.lower()]
    return text
