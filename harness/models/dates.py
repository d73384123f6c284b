"""One fixed date for chat templates that print the day: a score must not depend on when it is made.

transformers hands templates plain data only (5.23 turns a function into a placeholder string), so
their `strftime_now` is replaced by a macro written in front of the template.
"""

from __future__ import annotations

import datetime

# the day that templates of the Llama-3.x kind fall back to
_DATE = datetime.datetime(2024, 7, 26, tzinfo=datetime.UTC)
DATE_STRING = _DATE.strftime("%d %b %Y")
_CODES = {f"%{code}": _DATE.strftime(f"%{code}") for code in "aAbBdHIjmMpSyYFT"}
_CODES |= {"%-d": str(_DATE.day), "%-m": str(_DATE.month)}


def dated(template: str) -> str:
    """The template with `strftime_now` bound to the fixed date; as it was where it has none."""
    if "strftime_now" not in template:
        return template
    replaced = "".join(f"|replace('{code}', '{value}')" for code, value in _CODES.items())
    # trim_blocks eats the line break, so the template still begins on a line of its own
    return "{% macro strftime_now(format) %}{{ format" + replaced + " }}{% endmacro %}\n" + template
