"""What is odd about good pairs: known quirks of the published files, said once and kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.records import Pair

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

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
    import numpy as np

    from harness.data.columns import columns

    known = columns(pairs)
    ways = np.stack([known.chosen_id, known.rejected_id], axis=1)
    same = np.stack([known.prompt_id_key, known.chosen_key, known.rejected_key], axis=1)
    return Quirks(
        gold_ties=int((known.chosen_score == known.rejected_score).sum()),
        against_label=int((known.chosen_score < known.rejected_score).sum()),
        short_prompts=int(known.short_prompt.sum()),
        duplicates=len(same) - len(np.unique(_as_one(same))),
        swapped=int(np.isin(_as_one(ways[:, ::-1]), _as_one(ways)).sum()),
        only_space_apart=int(known.only_space_apart.sum()),
    )


def only_space_apart(one: str, other: str) -> bool:
    """Whether two texts have the same words in the same order."""
    # most texts differ in their first character: a million pairs are not split for that
    return one.lstrip()[:1] == other.lstrip()[:1] and one.split() == other.split()


def _as_one(keys: NDArray[np.uint64]) -> NDArray[np.void]:
    """Rows of keys (N, K) as N values that compare whole."""
    import numpy as np

    rows = np.ascontiguousarray(keys)
    return rows.view(np.dtype((np.void, rows.itemsize * rows.shape[1]))).reshape(-1)


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
