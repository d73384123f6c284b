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
from harness.specs.studies import StudyJudge, StudySpec, StudyWriting
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
from harness.specs.training import (
    AnyTraining,
    HubFiles,
    LoraSettings,
    NetworkSettings,
    PairSource,
    RewardTraining,
    SftTraining,
    Target,
    TokenizerSettings,
    Training,
    TripletSource,
)

__all__ = [
    "AnyTask", "AnyTraining", "BoardSpec", "FamilyTable", "GenreMap", "GroupSpec", "Head",
    "HubFiles", "Input", "Judge", "LabelVerdict", "Labels", "LoraSettings", "Match", "Name",
    "NetworkSettings", "NumberVerdict", "PairSource", "PairwiseJudge", "PointwiseJudge",
    "PreferenceSource", "PriceList", "Prompt", "RewardRecipe", "RewardTraining", "Rule",
    "Sampling", "SftTraining", "Sha256", "Source", "StrictSpec", "StudyJudge", "StudySpec",
    "StudyWriting", "Target", "TaskSpec", "TokenPrice", "TokenizerSettings", "Training",
    "TripletSource", "WritingSource", "WritingSpec", "spec_sha256",
]  # fmt: skip
