"""Families of models: which names of text sources and of judges belong together."""

from __future__ import annotations

from functools import cache
from itertools import combinations
from typing import Annotated, Literal

from pydantic import Field, model_validator

from harness.specs.base import Name, StrictSpec
from harness.specs.judges import Wrong, refuse

Pattern = Annotated[str, Field(min_length=1, pattern=r"^[^\[\]]*$")]


class FamilyTable(StrictSpec):
    """Family -> patterns of names, `*` for any characters and `?` for one; case does not count.

    No name may fit two families: two patterns that some name fits both are refused. For reports
    alone: nothing about how a model is run depends on its name.
    """

    kind: Literal["families"]
    name: Name
    about: str = ""
    families: Annotated[
        dict[Name, Annotated[tuple[Pattern, ...], Field(min_length=1, strict=False)]],
        Field(min_length=1),
    ]

    @model_validator(mode="after")
    def _apart(self) -> FamilyTable:
        wrong: list[Wrong] = []
        for (one, patterns), (other, others) in combinations(self.families.items(), 2):
            for i, pattern in enumerate(others):
                for first in patterns:
                    if meet(first.casefold(), pattern.casefold()):
                        said = f"a name could fit this and {first!r} of {one}"
                        wrong.append((("families", other, i), said, pattern))
        refuse(wrong)
        return self


@cache
def meet(one: str, other: str) -> bool:
    """Whether some name fits both patterns."""
    if not one or not other:
        return not (one + other).strip("*")
    if one[0] == "*":
        return meet(one[1:], other) or meet(one, other[1:])
    if other[0] == "*":
        return meet(other, one)
    alike = one[0] == other[0] or "?" in (one[0], other[0])
    return alike and meet(one[1:], other[1:])
