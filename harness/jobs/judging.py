"""How a chat model judges in a run: the file it is asked by, and the settings of its calls."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.asking import Asking
from harness.errors import UsageError
from harness.models import AnyModel, ChatModel
from harness.models.gen_kwargs import resolve_sampling
from harness.models.recipes import choose_judge
from harness.prompts import published_prompt
from harness.records import Language
from harness.request import RunRequest
from harness.spec_files import check
from harness.specs import Judge, PairwiseJudge, spec_sha256


@dataclass(frozen=True, slots=True)
class Judging:
    """How a chat model judges in a run: its file, and the settings it is asked with."""

    judge: Judge
    asking: Asking

    def identity(self) -> dict[str, Any]:
        """What it contributes to the identity beside the sha256 of the file."""
        sampling = self.asking.sampling.model_dump(mode="json")
        pairwise = {"orders": self.asking.orders} if self.judge.kind == "pairwise" else {}
        return {"sampling": sampling, **pairwise}

    def row(self, language: Language) -> dict[str, Any]:
        """The judge of results.json."""
        pairwise = isinstance(self.judge, PairwiseJudge)
        return {
            "name": self.judge.name,
            "sha256": spec_sha256(self.judge),
            "kind": self.judge.kind,
            "orders": self.asking.orders if pairwise else None,
            "repeats": self.judge.repeats,
            "sampling": self.asking.sampling.model_dump(mode="json"),
            "published_prompt": published_prompt(self.judge, language),
        }


def judging_of(
    model: AnyModel, request: RunRequest, languages: Sequence[Language]
) -> Judging | None:
    """The judge file of a chat model, checked against the tasks; None for other models."""
    if not isinstance(model, ChatModel):
        for flag, value in (("gen_kwargs", request.gen_kwargs), ("price_file", request.price_file)):
            if value is not None:
                raise UsageError(f"--{flag}: {model.name} is no chat model")
        return None
    judge = choose_judge(model, request.settings)
    for language in languages:
        if language not in judge.prompts:
            raise UsageError(
                f"judge {judge.name} has no prompt in {language!r} (it has: "
                f"{', '.join(judge.prompts)}); add one under prompts, or choose with --judge"
            )
    sampling = resolve_sampling(judge.sampling, request.gen_kwargs)
    if sampling != judge.sampling:  # a stop string may end an answer inside a label
        asked = judge.model_dump() | {"sampling": sampling.model_dump()}
        check(asked, type(judge), Path("--gen_kwargs"))
    asking = Asking(
        sampling=sampling,
        orders=request.orders,
        seed=request.seed,
        max_errors=request.max_errors,
    )
    return Judging(judge, asking)
