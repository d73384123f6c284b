"""Judge templates: jinja2 in a sandbox, checked before anything is asked of anybody."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from harness.errors import unknown_name

ALWAYS = ("genre", "language")  # variables a template may use or leave
PAIRWISE = ("prompt", "text_a", "text_b")
POINTWISE = ("prompt", "text")

# A text as any other, and those that careless string building trips over.
_TRIALS = (
    "A plain text.",
    "",
    "100 % {x} {{ y }} {% z %} %s \\1 $& \u201c\u6625\u5929\u201d \U0001f338",
)


def render(template: str, values: Mapping[str, str]) -> str:
    """The template with its variables filled in; a value is never rendered again.

    Raises ValueError, with what jinja2 says, where it cannot be filled.
    """
    from jinja2 import TemplateError

    try:
        return str(_compiled(template).render(values))
    except TemplateError as error:
        raise ValueError(_said(error)) from None
    # what the expressions of a template raise is the template's fault: 1 / 0, prompt[9], ...
    except (
        ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError,
    ) as error:  # fmt: skip
        raise ValueError(f"{type(error).__name__}: {error}") from None


def template_problems(
    messages: Sequence[str | None],
    variables: Sequence[str],
    without: Sequence[str],
    delimiters: Sequence[str],
    *,
    language: str = "en",
) -> list[str]:
    """Everything wrong with the messages of a prompt (system, user), a line each.

    Syntax and sandbox, other files, unknown and unused variables (`without` names those left out
    on purpose), `delimiters` that stand in no message, and what a trial with plain values raises.
    """
    roles = ("system", "user")[-len(messages) :]
    written = {role: text for role, text in zip(roles, messages, strict=True) if text is not None}
    wrong: list[str] = []
    used: set[str] = set()
    for role, message in written.items():
        found, problem = _read(message)
        used |= found
        wrong += [f"{role}: {problem}"] if problem else []
    if wrong:
        return wrong
    known = (*variables, *ALWAYS)
    wrong += [unknown_name("variable", name, known) for name in sorted(used - set(known))]
    wrong += [
        f"variable {name!r} is not used: put {{{{ {name} }}}} in a message, or name it under "
        "without, if it is left out on purpose"
        for name in variables
        if name not in used and name not in without
    ]
    wrong += [problem for name in without for problem in _left_out(name, used, variables)]
    wrong += [
        f"delimiter {mark!r} stands in no message, so it parts nothing"
        for mark in missing_marks([messages], delimiters)
    ]
    return wrong or _trial(written, variables, language)


def missing_marks(prompts: Sequence[Sequence[str | None]], delimiters: Sequence[str]) -> list[str]:
    """The delimiters that stand in no message of any prompt as text of the template itself."""
    texts = [_literal_text(message) for messages in prompts for message in messages if message]
    return [mark for mark in delimiters if not any(mark in text for text in texts)]


def _read(message: str) -> tuple[set[str], str | None]:
    """The variables that a template asks for, and why it cannot be read, if so."""
    from jinja2 import TemplateError, meta

    environment = _environment()
    try:
        tree = environment.parse(message)
        environment.compile(message)  # an unknown filter shows here only
    except TemplateError as error:
        return set(), f"not a jinja2 template: {_said(error)}"
    if any(True for _ in meta.find_referenced_templates(tree)):
        return set(), "a template cannot take in other files (include, extends, import)"
    return meta.find_undeclared_variables(tree) - set(environment.globals), None


def _left_out(name: str, used: set[str], variables: Sequence[str]) -> list[str]:
    """What is wrong with one name under `without`."""
    if name not in variables:
        return ["without: " + unknown_name("variable", name, variables)]
    return [f"without: variable {name!r} is used"] if name in used else []


def _trial(messages: Mapping[str, str], variables: Sequence[str], language: str) -> list[str]:
    """What filling the messages with plain values raises, once."""
    always = dict(zip(ALWAYS, ("Fiction", language), strict=True))
    for role, message in messages.items():
        for value in _TRIALS:
            try:
                render(message, dict.fromkeys(variables, value) | always)
            except ValueError as error:
                return [f"{role}: cannot be filled with {value!r}: {error}"]
    return []


def _literal_text(message: str) -> str:
    """What a template writes whatever its values, pieces parted by NUL; "" if it cannot be read."""
    from jinja2 import TemplateError, nodes

    try:
        tree = _environment().parse(message)
    except TemplateError:
        return ""
    return "\0".join(str(node.data) for node in tree.find_all(nodes.TemplateData))


def _said(error: Exception) -> str:
    """jinja2's message, with the line where it knows one."""
    line = getattr(error, "lineno", None)
    return f"line {line}: {error}" if line else str(error)


@lru_cache(maxsize=64)
def _compiled(template: str) -> Any:
    return _environment().from_string(template)


@lru_cache(maxsize=1)
def _environment() -> Any:
    from jinja2 import StrictUndefined
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    environment = ImmutableSandboxedEnvironment(
        undefined=StrictUndefined, keep_trailing_newline=True, autoescape=False
    )
    # the same values must always make the same prompt
    for name in ("lipsum", "dict", "cycler", "joiner"):
        environment.globals.pop(name, None)
    environment.filters.pop("random")
    return environment
