"""How a chat model's answers are drawn."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from harness.specs.base import StrictSpec

Label = Annotated[str, Field(min_length=1)]


class Sampling(StrictSpec):
    """How answers are drawn. Temperature 0 is greedy. `stop` strings end an answer.

    `reasoning_effort` and `thinking` are sent to servers and chat templates that know them; null
    leaves a model's own default.
    """

    temperature: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    top_p: Annotated[float, Field(gt=0, le=1)] | None = None
    top_k: Annotated[int, Field(gt=0)] | None = None
    max_tokens: Annotated[int, Field(gt=0)] = 2048
    stop: Annotated[tuple[Label, ...], Field(strict=False)] = ()
    reasoning_effort: str | None = None
    thinking: bool | None = None
