"""The pydantic models of every YAML a person writes."""

from __future__ import annotations

import hashlib
import json
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from harness.records import Language

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_]*$")]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class StrictSpec(BaseModel):
    """The base of every spec: unknown keys and wrong types are refused, nothing changes later."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


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


class Match(StrictSpec):
    """Which checkpoints a recipe is for, by `architectures` and values of config.json.

    `architectures` are exact names, or a pattern with a leading "*"; `config` holds exact
    values by key. The path or hub name of a model is never looked at.
    """

    architectures: tuple[str, ...] = Field(min_length=1, strict=False)
    config: dict[str, Any] = Field(default_factory=dict)


class Input(StrictSpec):
    """How prompt and text become tokens.

    `chat` renders the checkpoint's chat template, with a system message where `system` is not
    null (an empty string is sent as an empty message); `text` fills the jinja2 `template`
    (variables `prompt`, `text`) and uses no chat template; `pair` hands both to the tokenizer
    as a text pair, as encoders take them. `bos`: `auto` lets exactly one stand where the
    template or the tokenizer puts one, `none` removes it, `one` makes sure of it. `append` is
    a token that must stand last.
    """

    format: Literal["chat", "text", "pair"] = "chat"
    system: str | None = None
    template: str | None = None
    bos: Literal["auto", "none", "one"] = "auto"
    append: str | None = None

    @model_validator(mode="after")
    def _template(self) -> Input:
        if (self.format == "text") != (self.template is not None):
            raise ValueError("template is required with format: text, and only there")
        if self.format != "chat" and self.system is not None:
            raise ValueError(f"system has no place in format: {self.format}, only in format: chat")
        return self


class Head(StrictSpec):
    """How the score is read.

    `last_token`: the module `weights` of the checkpoint (one linear layer, or linear-ReLU-linear)
    applied in float32 to the last real token's hidden state. `forward`: the model's own pooled
    logits (encoders). `method`: a method of remote code, `method(tokenizer, chat)` for
    `get_score` or the attribute of its output for `score`. `index` picks among `outputs`.
    """

    read: Literal["last_token", "forward", "method", "output"] = "last_token"
    weights: str = "score"
    name: str | None = None
    outputs: Annotated[int, Field(gt=0)] = 1
    index: Annotated[int, Field(ge=0)] = 0

    @model_validator(mode="after")
    def _consistent(self) -> Head:
        if self.index >= self.outputs:
            raise ValueError(f"index {self.index} is not below outputs {self.outputs}")
        if (self.read in ("method", "output")) != (self.name is not None):
            raise ValueError("name is required with read: method or output, and only there")
        return self


class RewardRecipe(StrictSpec):
    """How one family of reward models is to be run (a judge file of kind reward)."""

    kind: Literal["reward"]
    name: Name
    about: str = ""
    source: str = ""
    match: Match | None = None
    input: Input = Input()
    head: Head = Head()
    attention: tuple[Literal["packed", "eager", "sdpa"], ...] = Field(
        default=("packed", "sdpa", "eager"), min_length=1, strict=False
    )
    dtype: Literal["bfloat16", "float16", "float32"] = "bfloat16"
    max_length: Annotated[int, Field(gt=0)] | None = None
    remote_code: bool = False


def spec_sha256(spec: BaseModel) -> str:
    """sha256 of the spec's canonical JSON: what it says, not how its file is laid out."""
    text = json.dumps(spec.model_dump(mode="json"), ensure_ascii=False, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
