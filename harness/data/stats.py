"""What a careful reader wants to know of a file of pairs before trusting a number from it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from harness.data.clusters import clusters
from harness.data.quirks import Quirks, find_quirks
from harness.records import Pair, Prompt, Side

Key = TypeVar("Key", str, tuple[str, str])


@dataclass(frozen=True, slots=True)
class Spread:
    """Mean and quantiles of n numbers (linear interpolation); all null where n is 0."""

    n: int
    mean: float | None
    minimum: float | None
    p05: float | None
    p25: float | None
    median: float | None
    p75: float | None
    p95: float | None
    maximum: float | None


@dataclass(frozen=True, slots=True)
class Texts:
    """Responses, told apart by their exact string. `both_ways` are chosen in one pair and
    rejected in another; `repeated` stand on more than one side."""

    sides: int
    distinct: int
    repeated: int
    both_ways: int


@dataclass(frozen=True, slots=True)
class Longer:
    """Shares of pairs by which side has more characters. Always picking the longer side has
    the accuracy `chosen_longer`."""

    chosen_longer: float
    chosen_shorter: float
    equal: float


@dataclass(frozen=True, slots=True)
class ModelSides:
    """How often one source model's texts were chosen and rejected."""

    chosen: int
    rejected: int


@dataclass(frozen=True, slots=True)
class Stats:
    """Counts over the pairs of one file; lengths are characters of the unstripped texts.

    `cluster_sizes` maps pairs a cluster to how many clusters have that many; `gaps` is the
    human score of chosen minus rejected; `ratio` is characters of chosen over rejected.
    `tags_by_genre` and `models` are sorted, the commonest first.
    """

    pairs: int
    prompts: int
    prompt_ids: int
    clusters: int
    cluster_sizes: dict[int, int]
    tags: int
    tags_by_genre: dict[str, dict[str, int]]
    quirks: Quirks
    texts: Texts
    prompt_length: Spread
    chosen_length: Spread
    rejected_length: Spread
    ratio: Spread
    longer: Longer
    gaps: Spread
    gap_counts: dict[float, int]
    unknown_scores: int
    models: dict[str, ModelSides]
    unknown_models: int


def describe(pairs: Sequence[Pair]) -> Stats:
    """The statistics of at least one pair."""
    chosen = np.array([len(pair.chosen.response) for pair in pairs])
    rejected = np.array([len(pair.rejected.response) for pair in pairs])
    gaps = [
        pair.chosen.score - pair.rejected.score
        for pair in pairs
        if pair.chosen.score is not None and pair.rejected.score is not None
    ]
    sides = [side for pair in pairs for side in (pair.chosen, pair.rejected)]
    sizes = np.bincount(clusters(pairs))
    return Stats(
        pairs=len(pairs),
        prompts=len({pair.prompt for pair in pairs}),
        prompt_ids=len({pair.prompt_id for pair in pairs}),
        clusters=len(sizes),
        cluster_sizes=dict(sorted(Counter(sizes.tolist()).items())),
        tags=len({pair.tag for pair in pairs}),
        tags_by_genre=tags_by_genre(pairs),
        quirks=find_quirks(pairs),
        texts=_texts(pairs),
        prompt_length=spread({pair.prompt: len(pair.prompt) for pair in pairs}.values()),
        chosen_length=spread(chosen),
        rejected_length=spread(rejected),
        ratio=spread(chosen / rejected),
        longer=Longer(
            float(np.mean(chosen > rejected)),
            float(np.mean(chosen < rejected)),
            float(np.mean(chosen == rejected)),
        ),
        gaps=spread(gaps),
        gap_counts=dict(sorted(Counter(round(gap, 6) for gap in gaps).items())),
        unknown_scores=sum(side.score is None for side in sides),
        models=_models(pairs),
        unknown_models=sum(side.model is None for side in sides),
    )


def spread(values: Iterable[float]) -> Spread:
    """How some numbers are spread."""
    numbers = np.array(list(values), dtype=float)
    if not len(numbers):
        return Spread(0, *[None] * 8)
    low, p05, p25, median, p75, p95, high = (
        float(q) for q in np.quantile(numbers, (0, 0.05, 0.25, 0.5, 0.75, 0.95, 1))
    )
    return Spread(len(numbers), float(numbers.mean()), low, p05, p25, median, p75, p95, high)


def tags_by_genre(items: Sequence[Pair] | Sequence[Prompt]) -> dict[str, dict[str, int]]:
    """Genre -> tag -> how many pairs or prompts have it, the commonest first."""
    genres = Counter(item.genre for item in items)
    tags = Counter((item.genre, item.tag) for item in items)
    return {
        genre: {tag: n for (of, tag), n in _commonest(tags) if of == genre}
        for genre, _ in _commonest(genres)
    }


def _commonest(counts: Counter[Key]) -> list[tuple[Key, int]]:
    """By count, then by name: most_common() alone leaves ties in the file's order."""
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def _texts(pairs: Sequence[Pair]) -> Texts:
    chosen = {pair.chosen.response for pair in pairs}
    rejected = {pair.rejected.response for pair in pairs}
    stands = Counter(text for pair in pairs for text in _both(pair))
    return Texts(
        sides=2 * len(pairs),
        distinct=len(stands),
        repeated=sum(n > 1 for n in stands.values()),
        both_ways=len(chosen & rejected),
    )


def _both(pair: Pair) -> tuple[str, str]:
    return pair.chosen.response, pair.rejected.response


def _models(pairs: Sequence[Pair]) -> dict[str, ModelSides]:
    chosen = _named(pair.chosen for pair in pairs)
    rejected = _named(pair.rejected for pair in pairs)
    return {
        name: ModelSides(chosen[name], rejected[name]) for name, _ in _commonest(chosen + rejected)
    }


def _named(sides: Iterable[Side]) -> Counter[str]:
    return Counter(side.model for side in sides if side.model is not None)
