"""The judging job: what is asked of a judge, and the verdict that its answer comes to."""

from harness.judging.orders import orders_of
from harness.judging.pairs import PairAsker, choose_pairs
from harness.judging.texts import TextRater, verdicts_from_ratings

__all__ = [
    "PairAsker", "TextRater", "choose_pairs", "orders_of",
    "verdicts_from_ratings",
]  # fmt: skip
