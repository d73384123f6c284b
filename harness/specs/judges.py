"""Judge files: what a judge is asked, and how its answer is read (docs/design.md 4.3, 5.9)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field, ValidationError, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError

from harness.records import Language
from harness.specs.base import Name, StrictSpec
from harness.specs.forms import normal
from harness.specs.recipes import Match
from harness.specs.sampling import Label, Sampling
from harness.specs.templates import PAIRWISE, POINTWISE, missing_marks, template_problems

Rule = Literal["last_label", "only_label", "tail_label"]
# Where, what, and what stands there; None where that is a template, too long to be repeated.
Wrong = tuple[tuple[str | int, ...], str, str | None]


class Prompt(StrictSpec):
    """The messages of a judge in one language: jinja2, sandboxed; `system` may be left out."""

    system: str | None = None
    user: str


class Labels(StrictSpec):
    """What stands for each verdict in an answer; `tie` is null where none is offered.

    One may contain another: at one place of an answer the longest counts. Two that are equal
    after NFKC, as answers are read, are refused.
    """

    a: Label
    b: Label
    tie: Label | None = None

    @model_validator(mode="after")
    def _tell_apart(self) -> Labels:
        wrong: list[Wrong] = []
        seen: dict[str, str] = {}
        for name, label in self.by_name().items():
            if label != label.strip():
                wrong.append(((name,), "a label neither begins nor ends with white space", label))
            other = seen.setdefault(normal("NFKC", label), name)
            if other != name:
                wrong.append(((name,), f"the same label as {other}", label))
        refuse(wrong)
        return self

    def by_name(self) -> dict[str, str]:
        """The labels there are, by field."""
        named = {"a": self.a, "b": self.b, "tie": self.tie}
        return {name: label for name, label in named.items() if label is not None}


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

    @model_validator(mode="after")
    def _consistent(self) -> LabelVerdict:
        wrong: list[Wrong] = []
        if self.fallback is not None and self.fallback.tie is not None and self.tie is None:
            wrong.append((("fallback", "tie"), "a tie, where none is offered", self.fallback.tie))
        if self.fallback is not None and "last_label" not in (self.parser, *self.also):
            said = "only last_label looks for other labels, and it is neither parser nor in also"
            wrong.append((("fallback",), said, self.parser))
        refuse(wrong)
        return self


class NumberVerdict(StrictSpec):
    """How a rating is read: the last number of the answer, from `min` to `max`."""

    parser: Literal["last_number"]
    min: Annotated[float, Field(allow_inf_nan=False)]
    max: Annotated[float, Field(allow_inf_nan=False)]

    @model_validator(mode="after")
    def _ordered(self) -> NumberVerdict:
        if self.min >= self.max:
            raise ValueError(f"min {self.min:g} is not below max {self.max:g}")
        return self


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
    def _checked(self) -> PairwiseJudge:
        labels = self.verdict.by_name()
        refuse(template_wrongs(self, PAIRWISE) + mark_wrongs(self, list(labels.values())))
        refuse(
            [
                (("sampling", "stop", i), f"ends an answer inside the label {label!r}", stop)
                for i, stop in enumerate(self.sampling.stop)
                for label in labels.values()
                if stop in label
            ]
        )
        return self


class PointwiseJudge(_Judge):
    """A judge that rates one text alone; the higher rating wins, equal ones tie."""

    kind: Literal["pointwise"]
    verdict: NumberVerdict

    @model_validator(mode="after")
    def _checked(self) -> PointwiseJudge:
        refuse(template_wrongs(self, POINTWISE) + mark_wrongs(self, ()))
        return self


Judge = PairwiseJudge | PointwiseJudge


def template_wrongs(judge: _Judge, variables: tuple[str, ...]) -> list[Wrong]:
    """Everything that is wrong with the templates of a judge, by language."""
    return [
        (("prompts", language), problem, None)
        for language, prompt in judge.prompts.items()
        for problem in template_problems(
            (prompt.system, prompt.user), variables, judge.without, (), language=language
        )
    ]


def mark_wrongs(judge: _Judge, labels: Sequence[str]) -> list[Wrong]:
    """Delimiters that part nothing in any language, or that no text can be kept from writing."""
    prompts = [(prompt.system, prompt.user) for prompt in judge.prompts.values()]
    missing = missing_marks(prompts, judge.delimiters)
    verdicts = {_folded(label) for label in labels}
    wrong: list[Wrong] = []
    for i, mark in enumerate(judge.delimiters):
        if len(mark.strip()) < 2:
            said = (
                "a delimiter needs two characters that are no white space to be kept out of texts"
            )
        elif _folded(mark) in verdicts:
            said = "a delimiter cannot also be a label"
        elif mark in missing:
            said = "stands in no message of any language, so it parts nothing"
        else:
            continue
        wrong.append((("delimiters", i), said, mark))
    return wrong


def refuse(wrong: Sequence[Wrong]) -> None:
    """One error a field, as pydantic's own; nothing where nothing is wrong."""
    if wrong:
        raise ValidationError.from_exception_data(
            "judge",
            [
                InitErrorDetails(
                    # what is "missing" is told without what stands there; the message goes in
                    # by a placeholder, for it may have braces of its own
                    type=PydanticCustomError(
                        "missing" if got is None else "judge", "{said}", {"said": said}
                    ),
                    loc=where,
                    input=got,
                )
                for where, said, got in wrong
            ],
        )


def _folded(text: str) -> str:
    return normal("NFKC", text).casefold().strip()
