"""The pydantic models of every YAML a person writes."""

from harness.specs.base import Name, Sha256, StrictSpec, spec_sha256
from harness.specs.boards import BoardSpec
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
)
from harness.specs.prices import PriceList, TokenPrice
from harness.specs.recipes import Head, Input, Match, RewardRecipe
from harness.specs.sampling import Sampling
from harness.specs.tasks import (
    AnyTask,
    GenreMap,
    GroupSpec,
    PreferenceSource,
    Source,
    TaskSpec,
    WritingSource,
    WritingSpec,
)

__all__ = [
    "AnyTask", "BoardSpec", "FamilyTable", "GenreMap", "GroupSpec", "Head", "Input", "Judge",
    "LabelVerdict", "Labels", "Match", "Name", "NumberVerdict", "PairwiseJudge", "PointwiseJudge",
    "PreferenceSource", "PriceList", "Prompt", "RewardRecipe", "Rule", "Sampling", "Sha256",
    "Source", "StrictSpec", "TaskSpec", "TokenPrice", "WritingSource", "WritingSpec",
    "spec_sha256",
]  # fmt: skip
