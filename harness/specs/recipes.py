"""Recipes: how a family of reward models is to be run."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from harness.specs.base import Name, StrictSpec


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
