"""Judge files: what a judge is asked, and how its answer is read (docs/design.md 4.5)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from harness.records import Language
from harness.specs.base import Name, StrictSpec
from harness.specs.recipes import Match
from harness.specs.templates import PAIRWISE, POINTWISE, template_problems

Rule = Literal["last_label", "only_label", "tail_label"]
Label = Annotated[str, Field(min_length=1)]


class Prompt(StrictSpec):
    """The messages of a judge in one language: jinja2, sandboxed; `system` may be left out."""

    system: str | None = None
    user: str


class Labels(StrictSpec):
    """What stands for each verdict in an answer; `tie` is null where none is offered."""

    a: Label
    b: Label
    tie: Label | None = None


class LabelVerdict(Labels):
    """How an answer about two texts is read.

    `last_label`: the last label of the answer decides. `only_label`: the one kind of label that
    stands anywhere; two kinds are no verdict (RM-R1's own evaluation). `tail_label`: the one
    label within the last 80 characters (RM-R1's training reward). `fallback` are labels looked
    for where none of the main ones stands. `also` are rules computed and reported beside.
    """

    parser: Rule
    fallback: Labels | None = None
    also: Annotated[tuple[Rule, ...], Field(strict=False)] = ()


class NumberVerdict(StrictSpec):
    """How a rating is read: the last number of the answer, from `min` to `max`."""

    parser: Literal["last_number"]
    min: float
    max: float

    @model_validator(mode="after")
    def _ordered(self) -> NumberVerdict:
        if self.min >= self.max:
            raise ValueError(f"min {self.min:g} is not below max {self.max:g}")
        return self


class Sampling(StrictSpec):
    """How answers are drawn. Temperature 0 is greedy. `stop` strings end an answer.

    `reasoning_effort` and `thinking` are sent to servers and chat templates that know them; null
    leaves a model's own default.
    """

    temperature: Annotated[float, Field(ge=0)] = 0.0
    top_p: Annotated[float, Field(gt=0, le=1)] | None = None
    top_k: Annotated[int, Field(gt=0)] | None = None
    max_tokens: Annotated[int, Field(gt=0)] = 2048
    stop: Annotated[tuple[str, ...], Field(strict=False)] = ()
    reasoning_effort: str | None = None
    thinking: bool | None = None


class _Judge(StrictSpec):
    """What both kinds of judge have.

    `prompts` by language of the task. `delimiters` are the marks the templates put around texts;
    they and the labels are neutralised where they stand inside a text. `without` names
    variables a template leaves out on purpose. `match` makes it the default of a checkpoint.
    """

    name: Name
    about: str = ""
    source: str = ""
    match: Match | None = None
    prompts: Annotated[dict[Language, Prompt], Field(min_length=1)]
    delimiters: Annotated[tuple[Label, ...], Field(strict=False)] = ()
    without: Annotated[tuple[str, ...], Field(strict=False)] = ()
    sampling: Sampling = Sampling()
    repeats: Annotated[int, Field(gt=0)] = 1


class PairwiseJudge(_Judge):
    """A judge that is shown two texts and chooses."""

    kind: Literal["pairwise"]
    verdict: LabelVerdict

    @model_validator(mode="after")
    def _templates(self) -> PairwiseJudge:
        raise_problems(self, PAIRWISE)
        return self


class PointwiseJudge(_Judge):
    """A judge that rates one text alone; the higher rating wins, equal ones tie."""

    kind: Literal["pointwise"]
    verdict: NumberVerdict

    @model_validator(mode="after")
    def _templates(self) -> PointwiseJudge:
        raise_problems(self, POINTWISE)
        return self


Judge = PairwiseJudge | PointwiseJudge


def raise_problems(judge: _Judge, variables: tuple[str, ...]) -> None:
    """ValueError with everything that is wrong with the templates of a judge."""
    wrong = [
        f"prompts.{language}: {problem}"
        for language, prompt in judge.prompts.items()
        for problem in template_problems(
            (prompt.system, prompt.user), variables, judge.without, judge.delimiters
        )
    ]
    if wrong:
        raise ValueError("; ".join(wrong))
