"""What is odd about good pairs: known quirks of the published files, said once and kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.records import Pair

SHORT_PROMPT = 5  # characters without surrounding space; "/" stands for lost prompts


@dataclass(frozen=True, slots=True)
class Quirks:
    """Counts of pairs. `duplicates` are rows that repeat an earlier pair, `swapped` are pairs
    whose two texts stand the other way round in a pair of the same prompt."""

    gold_ties: int
    against_label: int
    short_prompts: int
    duplicates: int
    swapped: int
    only_space_apart: int


def find_quirks(pairs: Sequence[Pair]) -> Quirks:
    """Count the quirks of a file's pairs."""
    ways = {(pair.prompt, pair.chosen.response, pair.rejected.response) for pair in pairs}
    ids: set[tuple[str, str, str]] = set()
    gold_ties = against = short = duplicates = swapped = space = 0
    for pair in pairs:
        chosen, rejected = pair.chosen, pair.rejected
        if chosen.score is not None and rejected.score is not None:
            gold_ties += chosen.score == rejected.score
            against += chosen.score < rejected.score
        short += len(pair.prompt.strip()) < SHORT_PROMPT
        same = (pair.prompt_id, chosen.response, rejected.response)
        duplicates += same in ids
        ids.add(same)
        swapped += (pair.prompt, rejected.response, chosen.response) in ways
        space += chosen.response.split() == rejected.response.split()
    return Quirks(gold_ties, against, short, duplicates, swapped, space)


def quirk_notices(quirks: Quirks) -> list[str]:
    """A sentence for each quirk that is there."""
    said = (
        (quirks.gold_ties, "with equal human scores: the label counts, as in the papers"),
        (quirks.against_label, "whose human scores contradict the label: the label counts"),
        (quirks.short_prompts, f'with a prompt under {SHORT_PROMPT} characters (such as "/")'),
        (quirks.duplicates, "repeating an earlier row: each row counts"),
        (quirks.swapped, "with the same two texts labelled both ways round"),
        (quirks.only_space_apart, "whose two texts differ in white space alone"),
    )
    return [f"{n:,} pair{'' if n == 1 else 's'} {what}" for n, what in said if n]
