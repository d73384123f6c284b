"""The frozen records that flow through the harness, and the ids that name them."""

from harness.records.arena import ArenaOrder, ArenaOutcome, ArenaVerdict, Match
from harness.records.base import (
    Language,
    Message,
    Order,
    Orders,
    Outcome,
    VerdictKey,
    canonical,
    json_line,
    short_id,
)
from harness.records.pairs import Candidate, Pair, PairFacts, Side, candidate
from harness.records.texts import Measures, Prompt, Text, TextKey, WrittenIn
from harness.records.triplets import Triplet, sha256_ids, triplet_id
from harness.records.verdicts import Rating, Score, Verdict

__all__ = [
    "ArenaOrder", "ArenaOutcome", "ArenaVerdict", "Candidate", "Language", "Match", "Measures",
    "Message", "Order", "Orders", "Outcome", "Pair", "PairFacts", "Prompt", "Rating", "Score",
    "Side", "Text", "TextKey", "Triplet", "Verdict", "VerdictKey", "WrittenIn", "candidate",
    "canonical", "json_line", "sha256_ids", "short_id", "triplet_id",
]  # fmt: skip
