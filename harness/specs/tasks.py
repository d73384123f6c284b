"""Tasks, groups of them, and genre maps."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from harness.records import Language
from harness.specs.base import Name, Sha256, StrictSpec
from harness.specs.sampling import Sampling


class Source(StrictSpec):
    """Where a task's data comes from: the hub, or a file beside the YAML when `repo` is null."""

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


class PreferenceSource(Source):
    """Pairs in the format of WritingPreferenceBench."""

    reader: Literal["wpb"]


class WritingSource(Source):
    """What prompts are read from: WritingPreferenceBench's pairs (the distinct prompts behind
    them), rows of `prompt_id, prompt, tag`, or COIG-Writer's records (their queries)."""

    reader: Literal["wpb", "prompts", "coig_writer"]


class TaskSpec(StrictSpec):
    """A preference task (docs/design.md 4.2). `metrics` are names in the metric table."""

    kind: Literal["preference"]
    name: Name
    about: str = ""
    language: Language
    source: PreferenceSource
    genres: str
    metrics: tuple[str, ...] = Field(min_length=1, strict=False)


class WritingSpec(StrictSpec):
    """A writing task: prompts that a model answers with texts, which are then measured.

    `system` is a system message before every prompt; `repeats` the texts written for each.
    """

    kind: Literal["writing"]
    name: Name
    about: str = ""
    language: Language
    source: WritingSource
    genres: str
    metrics: tuple[str, ...] = Field(min_length=1, strict=False)
    system: str | None = None
    # the paper's settings are not known; 0.8 is what the pool behind the prompts was drawn with
    sampling: Sampling = Sampling(temperature=0.8, max_tokens=8192)
    repeats: Annotated[int, Field(gt=0)] = 1


AnyTask = TaskSpec | WritingSpec


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
