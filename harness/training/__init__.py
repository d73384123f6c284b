"""Trains models from recipes; what comes out is a checkpoint folder as any other."""

from harness.training.job import Trained, train
from harness.training.recipe import RewardTraining, load_recipe

__all__ = ["RewardTraining", "Trained", "load_recipe", "train"]
