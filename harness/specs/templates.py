"""Judge templates: jinja2 in a sandbox, checked before anything is asked of anybody."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

ALWAYS = ("genre", "language")  # variables a template may use or leave
PAIRWISE = ("prompt", "text_a", "text_b")
POINTWISE = ("prompt", "text")


def render(template: str, values: Mapping[str, str]) -> str:
    """The template with its variables filled in; jinja2.TemplateError where it cannot be."""
    return str(_compiled(template).render(values))


@lru_cache(maxsize=64)
def _compiled(template: str) -> Any:
    return _environment().from_string(template)


@lru_cache(maxsize=1)
def _environment() -> Any:
    from jinja2 import StrictUndefined
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    return ImmutableSandboxedEnvironment(
        undefined=StrictUndefined, keep_trailing_newline=True, autoescape=False
    )


def template_problems(
    messages: Sequence[str | None],
    variables: Sequence[str],
    without: Sequence[str],
    delimiters: Sequence[str],
) -> list[str]:
    """Everything wrong with the messages of a prompt: syntax, unknown and unused variables,
    delimiters that stand nowhere, and what a trial with plain values raises."""
    raise NotImplementedError
