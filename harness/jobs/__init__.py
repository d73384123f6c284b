"""What a run does to its folder, whatever kind of model it has."""

from harness.jobs.cost import Prices, estimate, read_prices, spent
from harness.jobs.fill import SHOWN, fill_folder, nothing_owed
from harness.jobs.judging import Judging, judging_of

__all__ = [
    "SHOWN", "Judging", "Prices", "estimate", "fill_folder", "judging_of", "nothing_owed",
    "read_prices", "spent",
]  # fmt: skip
