"""A task's data, read and checked: `load_pairs` and `load_prompts` are the doors."""

from harness.data.fields import BadRows
from harness.data.pairs import Dataset, load_pairs
from harness.data.prompts import PromptSet, load_prompts
from harness.data.source import Verified, task_genres, verify_source

__all__ = [
    "BadRows", "Dataset", "PromptSet", "Verified", "load_pairs", "load_prompts", "task_genres",
    "verify_source",
]  # fmt: skip
