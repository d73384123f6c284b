"""The scoring job: distinct texts in, one finite score each out, whatever the batch."""

from harness.scoring.encoded import tokens_of
from harness.scoring.job import SELF_CHECK_TEXTS, ScoringFacts, score_texts
from harness.scoring.table import ScoreTable
from harness.scoring.texts import DistinctTexts, distinct_texts
from harness.scoring.verdicts import margins, verdicts_from_scores

__all__ = [
    "SELF_CHECK_TEXTS", "DistinctTexts", "ScoreTable", "ScoringFacts", "distinct_texts", "margins",
    "score_texts", "tokens_of", "verdicts_from_scores",
]  # fmt: skip
