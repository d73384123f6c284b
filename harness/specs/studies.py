"""Studies: several recipes trained, their models' texts measured and set against each other."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from harness.specs.base import Name, StrictSpec
from harness.specs.training import Count, Names, Positive, list_of

Label = Annotated[str, Field(pattern=r"^[^\s,=/\\]+$")]
Flag = str | int | float | bool


class StudyWriting(StrictSpec):
    """How the trained models write: `backend` runs the checkpoint, the rest are flags of
    `harness run`; `flags` has any other, by name (`{dtype: float32, device: cpu}`)."""

    backend: Literal["hf", "vllm"] = "hf"
    model_args: str | None = None
    gen_kwargs: str | None = None
    flags: dict[str, Flag] = Field(default_factory=dict)


class StudyJudge(StrictSpec):
    """Who judges: `model` as for `harness arena`, `name` a judge file; the rest are its flags."""

    model: str | None = None
    name: str | None = None
    model_args: str | None = None
    gen_kwargs: str | None = None
    flags: dict[str, Flag] = Field(default_factory=dict)


class Assumed(StrictSpec):
    """What an estimate of hours takes for granted; `writing_tokens` are those of one text."""

    peak_tflops: Positive = 989.0
    mfu: Annotated[float, Field(gt=0, le=1)] = 0.4
    decode_share: Annotated[float, Field(gt=0, le=1)] = 0.1
    writing_tokens: Count = 2000


def _entry(value: Any) -> Any:
    return {"recipe": value} if isinstance(value, str) else value


class StudyRecipe(StrictSpec):
    """A recipe of a study, and the keys changed in it alone; a bare name stands for itself."""

    recipe: str
    set: dict[str, Any] = Field(default_factory=dict)


def _none(value: Any) -> Any:
    return None if value == "none" else value


class StudySpec(StrictSpec):
    """A study (docs/design.md 4.10).

    `recipes` maps labels to recipes, in the order of the tables; `reference` is the label that
    the language gap is told against. `set` are keys of the recipes, changed in all of them.
    `judge` null ends the study after measuring; `human` are files of rankings in its place.
    `limit` is the number of prompts a task, `scale` multiplies every number of rows of the
    recipes, `processes` above 1 trains by `accelerate launch`.
    """

    kind: Literal["study"]
    name: Name
    about: str = ""
    recipes: dict[Label, Annotated[StudyRecipe, BeforeValidator(_entry)]] = Field(min_length=1)
    reference: Label | None = None
    tasks: Names
    task_data: dict[Name, str] = Field(default_factory=dict)
    set: dict[str, Any] = Field(default_factory=dict)
    limit: Count | None = None
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0
    writing: StudyWriting = StudyWriting()
    judge: Annotated[StudyJudge | None, BeforeValidator(_none)] = StudyJudge()
    human: Annotated[tuple[str, ...], BeforeValidator(list_of), Field(strict=False)] = ()
    scale: Positive = 1.0
    processes: Count = 1
    assumed: Assumed = Assumed()

    @model_validator(mode="after")
    def _fits(self) -> StudySpec:
        if not self.tasks:
            raise ValueError("tasks: name at least one writing task")
        if self.reference is not None and self.reference not in self.recipes:
            raise ValueError(f"reference {self.reference!r} is the label of no recipe")
        unknown = [task for task in self.task_data if task not in self.tasks]
        if unknown:
            raise ValueError(f"task_data {unknown[0]!r} is no task of the study")
        return self
