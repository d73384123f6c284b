"""The pydantic models of every YAML a person writes."""

from harness.specs.base import Name, Sha256, StrictSpec, spec_sha256
from harness.specs.families import FamilyTable
from harness.specs.judges import (
    Judge,
    Labels,
    LabelVerdict,
    NumberVerdict,
    PairwiseJudge,
    PointwiseJudge,
    Prompt,
    Rule,
    Sampling,
)
from harness.specs.prices import PriceList, TokenPrice
from harness.specs.recipes import Head, Input, Match, RewardRecipe
from harness.specs.tasks import GenreMap, GroupSpec, Source, TaskSpec

__all__ = [
    "FamilyTable", "GenreMap", "GroupSpec", "Head", "Input", "Judge", "LabelVerdict", "Labels",
    "Match", "Name", "NumberVerdict", "PairwiseJudge", "PointwiseJudge", "PriceList", "Prompt",
    "RewardRecipe", "Rule", "Sampling", "Sha256", "Source", "StrictSpec", "TaskSpec", "TokenPrice",
    "spec_sha256",
]  # fmt: skip
