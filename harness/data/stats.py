"""What a careful reader wants to know of a file of pairs before trusting a number from it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from harness.data.clusters import clusters
from harness.data.columns import PairColumns, columns
from harness.data.quirks import Quirks, find_quirks
from harness.records import Pair

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
    known = columns(pairs)
    chosen, rejected = known.chosen_chars, known.rejected_chars
    gaps = known.chosen_score - known.rejected_score
    gaps = gaps[~np.isnan(gaps)]
    scores = np.concatenate([known.chosen_score, known.rejected_score])
    first_of_prompt = np.unique(known.prompt_key, return_index=True)[1]
    sizes = np.bincount(clusters(pairs))
    return Stats(
        pairs=len(pairs),
        prompts=len(first_of_prompt),
        prompt_ids=len(np.unique(known.prompt_id_key)),
        clusters=len(sizes),
        cluster_sizes=_counts(sizes),
        tags=len(np.unique(known.tag)),
        tags_by_genre=tags_by_genre(
            (known.genres[genre], known.tags[tag])
            for genre, tag in zip(known.genre.tolist(), known.tag.tolist(), strict=True)
        ),
        quirks=find_quirks(pairs),
        texts=_texts(known),
        prompt_length=spread(known.prompt_chars[first_of_prompt]),
        chosen_length=spread(chosen),
        rejected_length=spread(rejected),
        ratio=spread(chosen / rejected),
        longer=Longer(
            float(np.mean(chosen > rejected)),
            float(np.mean(chosen < rejected)),
            float(np.mean(chosen == rejected)),
        ),
        gaps=spread(gaps),
        gap_counts=_counts(np.round(gaps, 6)),
        unknown_scores=int(np.isnan(scores).sum()),
        models=_models(known),
        unknown_models=int((known.chosen_model < 0).sum() + (known.rejected_model < 0).sum()),
    )


def _counts(values: NDArray[Any]) -> dict[Any, int]:
    """How often each value stands there, in ascending order."""
    distinct, counts = np.unique(values, return_counts=True)
    return dict(zip(distinct.tolist(), counts.tolist(), strict=True))


def spread(values: Iterable[float]) -> Spread:
    """How some numbers are spread."""
    numbers = np.fromiter(values, dtype=float)
    if not len(numbers):
        return Spread(0, *[None] * 8)
    low, p05, p25, median, p75, p95, high = (
        float(q) for q in np.quantile(numbers, (0, 0.05, 0.25, 0.5, 0.75, 0.95, 1))
    )
    return Spread(len(numbers), float(numbers.mean()), low, p05, p25, median, p75, p95, high)


def tags_by_genre(found: Iterable[tuple[str, str]]) -> dict[str, dict[str, int]]:
    """Genre -> tag -> how often they stand together, the commonest first; from (genre, tag)."""
    tags = Counter(found)
    genres: Counter[str] = Counter()
    for (genre, _), n in tags.items():
        genres[genre] += n
    listed: dict[str, dict[str, int]] = {genre: {} for genre, _ in _commonest(genres)}
    for (genre, tag), n in _commonest(tags):
        listed[genre][tag] = n
    return listed


def _commonest(counts: Counter[Key]) -> list[tuple[Key, int]]:
    """By count, then by name: most_common() alone leaves ties in the file's order."""
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def _texts(known: PairColumns) -> Texts:
    stands = np.concatenate([known.chosen_key, known.rejected_key])
    counts = np.unique(stands, return_counts=True)[1]
    return Texts(
        sides=len(stands),
        distinct=len(counts),
        repeated=int((counts > 1).sum()),
        both_ways=len(np.intersect1d(known.chosen_key, known.rejected_key)),
    )


def _models(known: PairColumns) -> dict[str, ModelSides]:
    chosen, rejected = (
        np.bincount(codes[codes >= 0], minlength=len(known.models))
        for codes in (known.chosen_model, known.rejected_model)
    )
    both = Counter(dict(zip(known.models, (chosen + rejected).tolist(), strict=True)))
    sides = dict(
        zip(known.models, zip(chosen.tolist(), rejected.tolist(), strict=True), strict=True)
    )
    return {name: ModelSides(*sides[name]) for name, n in _commonest(both) if n}
