"""Tasks, groups of them, and genre maps."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from harness.records import Language
from harness.specs.base import Name, Sha256, StrictSpec


class Source(StrictSpec):
    """Where a task's data comes from: the hub, or a file beside the YAML when `repo` is null."""

    reader: Literal["wpb"]
    file: str
    repo: str | None = None
    revision: str | None = None
    sha256: Sha256 | None = None
    expect: Annotated[int, Field(gt=0)] | None = None

    @model_validator(mode="after")
    def _pinned(self) -> Source:
        if self.repo is not None and (self.revision is None or self.sha256 is None):
            raise ValueError("a hub source needs a pinned revision and a sha256")
        return self


class TaskSpec(StrictSpec):
    """A preference task (docs/design.md 4.2). `metrics` are names in the metric table."""

    kind: Literal["preference"]
    name: Name
    about: str = ""
    language: Language
    source: Source
    genres: str
    metrics: tuple[str, ...] = Field(min_length=1, strict=False)


class GroupSpec(StrictSpec):
    """A name for several tasks; every member gets a run folder of its own."""

    kind: Literal["group"]
    name: Name
    about: str = ""
    tasks: tuple[Name, ...] = Field(min_length=1, strict=False)


class GenreMap(StrictSpec):
    """A table from tags to macro genres; a tag may stand in one genre only."""

    kind: Literal["genres"]
    name: Name
    about: str = ""
    genres: dict[str, Annotated[tuple[str, ...], Field(strict=False)]] = Field(min_length=1)
