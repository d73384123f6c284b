"""The checks of single fields that all readers of rows share, and the refusal of bad rows."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from harness.data.rows import RepeatedKey, Row, json_type
from harness.errors import DataError

BadRows = Literal["refuse", "drop"]
Bad = tuple[str, list[str]]  # the place of a row, and what is wrong with it

MEND_OR_DROP = "mend them, or leave them out with --bad_rows drop"
_SHOWN = 50
KEPT = 1_000  # bad rows of which more is kept than their number


def object_of(row: Row, problems: list[str]) -> dict[str, Any] | None:
    """The JSON object a row is; None, and a problem more, where it is none."""
    if row.problem is not None:
        problems.append(row.problem)
        return None
    if not isinstance(row.value, dict):
        problems.append(f"must be an object, not {json_type(row.value)}")
        return None
    return row.value


def check_keys(
    found: dict[str, Any],
    known: Sequence[str],
    problems: list[str],
    extra: Counter[str],
    prefix: str = "",
) -> None:
    """A key that stands twice is a problem; keys that are not `known` are counted in `extra`."""
    if isinstance(found, RepeatedKey):
        problems.append(f"field {prefix}{found.key}: stands there twice")
    for key in found:
        if key not in known:
            extra[prefix + key] += 1


def text(found: dict[str, Any], key: str, problems: list[str], prefix: str = "") -> str | None:
    """The string under a key, as it stands."""
    field = f"field {prefix}{key}"
    if key not in found:
        problems.append(f"{field}: missing")
        return None
    value = found[key]
    if not isinstance(value, str):
        problems.append(f"{field}: must be a string, not {json_type(value)}")
        return None
    if not _encodable(value):
        problems.append(f"{field}: holds half of a surrogate pair, which no file can store")
        return None
    return value


def _encodable(value: str) -> bool:
    """Whether the text is whole characters; JSON escapes can smuggle in half ones."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def optional_text(
    found: dict[str, Any], key: str, problems: list[str], prefix: str = ""
) -> str | None:
    """The string under a key that may be null or absent."""
    return None if found.get(key) is None else text(found, key, problems, prefix)


def identifier(
    found: dict[str, Any], key: str, problems: list[str], prefix: str = ""
) -> str | None:
    """A name of something: a string that is not blank, or a whole number."""
    value = found.get(key)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    name = text(found, key, problems, prefix)
    if name is not None and not name.strip():
        # an empty id would tie every such row to all the others
        problems.append(f"field {prefix}{key}: empty")
        return None
    return name


def number(found: dict[str, Any], key: str, problems: list[str], prefix: str = "") -> float | None:
    """A finite number, or None where it is null or absent."""
    value = found.get(key)
    if value is None:
        return None
    field = f"field {prefix}{key}"
    if isinstance(value, bool) or not isinstance(value, int | float):
        problems.append(f"{field}: must be a number or null, not {json_type(value)}")
        return None
    try:
        finite = float(value)
    except OverflowError:
        finite = math.inf
    if not math.isfinite(finite):
        said = "NaN" if math.isnan(finite) else "not finite"
        problems.append(f"{field}: {said}; write null where there is no {key}")
        return None
    return finite


@dataclass(slots=True)
class Tally:
    """The bad rows of a file: the first of them with what is wrong, and counts of all."""

    kept: list[Bad] = field(default_factory=list)
    rows: int = 0
    problems: int = 0

    def add(self, place: str, problems: list[str]) -> None:
        """One more bad row."""
        self.rows += 1
        self.problems += len(problems)
        if self.rows <= KEPT:
            self.kept.append((place, problems))


def settle(
    name: str, bad: Sequence[Bad] | Tally, *, rows: int, good: int, bad_rows: BadRows = "refuse"
) -> tuple[str, ...]:
    """One message for each bad row that is left out, the first KEPT of a Tally.

    Raises DataError with all of them where `bad_rows` is "refuse", and where no row of the `rows`
    is `good`.
    """
    known = bad.kept if isinstance(bad, Tally) else bad
    if known and bad_rows == "refuse":
        raise DataError(refusal(name, bad, rows))
    if not good:
        raise DataError(refusal(name, bad, rows, way_out="no good row is left"))
    return tuple(f"{place}: {'; '.join(problems)}" for place, problems in known)


def refusal(name: str, bad: Sequence[Bad] | Tally, rows: int, way_out: str = MEND_OR_DROP) -> str:
    """The one message about all bad rows of a file: a line a problem, the first 50 of them."""
    known = bad.kept if isinstance(bad, Tally) else bad
    number = bad.rows if isinstance(bad, Tally) else len(bad)
    lines = [f"  {place}: {problem}" for place, problems in known for problem in problems]
    hidden = (bad.problems if isinstance(bad, Tally) else len(lines)) - _SHOWN
    if hidden > 0:
        lines = [*lines[:_SHOWN], f"  and {hidden:,} more"]
    head = f"{name}: {number:,} of {rows:,} rows cannot be used"
    return "\n".join([f"{head}:", *lines, way_out])


def ignored(extra: dict[str, int]) -> list[str]:
    """The sentence about keys that are no part of a format, if there are any."""
    if not extra:
        return []
    keys = ", ".join(f"{key!a} {n:,}" for key, n in sorted(extra.items()))
    return [f"keys that are no part of the format were ignored: {keys}"]
