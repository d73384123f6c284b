"""Which pairs train and which are held out: whole clusters, half of every genre."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.data.clusters import clusters
from harness.errors import DataError
from harness.records import Pair, short_id

Stratum = tuple[str, str]  # (task, genre)


@dataclass(frozen=True, slots=True)
class Split:
    """The two sides of one task's pairs, each in the order of their ids."""

    train: tuple[Pair, ...]
    held_out: tuple[Pair, ...]


def split_pairs(
    tasks: Mapping[str, Sequence[Pair]], *, held_out: float, seed: int
) -> dict[str, Split]:
    """Hold out a share of each genre of each task, never cutting a cluster in two.

    Clusters (docs/design.md 5.5) are found over all tasks together, so that a prompt or a text that
    stands in two of them is on one side only. The largest cluster chooses first, equal ones in
    the order of sha256(seed, smallest pair id), so neither the order of the file nor that of
    the tasks matters; a cluster is held out when that brings the genres nearer to their share.

    Raises DataError where one side of a task would be empty.
    """
    everything = [(task, pair) for task in sorted(tasks) for pair in tasks[task]]
    numbers = clusters([pair for _, pair in everything])
    members: dict[int, list[tuple[str, Pair]]] = {}
    for number, item in zip(numbers, everything, strict=True):
        members.setdefault(int(number), []).append(item)

    totals = Counter((task, pair.genre) for task, pair in everything)
    missing: dict[Stratum, float] = {key: held_out * n for key, n in totals.items()}
    sides: dict[tuple[str, bool], list[Pair]] = {}
    for group in sorted(members.values(), key=lambda group: _turn(group, seed)):
        counts = Counter((task, pair.genre) for task, pair in group)
        hold = _brings_nearer(counts, missing)
        for key, n in counts.items():
            missing[key] -= n if hold else 0
        for task, pair in group:
            sides.setdefault((task, hold), []).append(pair)
    return {task: _sides(task, sides) for task in tasks}


def _turn(group: Sequence[tuple[str, Pair]], seed: int) -> tuple[int, str]:
    return -len(group), short_id(str(seed), min(pair.pair_id for _, pair in group))


def _brings_nearer(counts: Mapping[Stratum, int], missing: Mapping[Stratum, float]) -> bool:
    now = sum(missing[key] ** 2 for key in counts)
    then = sum((missing[key] - n) ** 2 for key, n in counts.items())
    return then < now


def _sides(task: str, sides: Mapping[tuple[str, bool], list[Pair]]) -> Split:
    train, held = sides.get((task, False), []), sides.get((task, True), [])
    if not train or not held:
        raise DataError(
            f"{task}: {len(train) + len(held)} pairs cannot be split into a training and a "
            "held-out side without cutting a cluster of pairs that share a prompt or a text"
        )
    return Split(*(tuple(sorted(side, key=lambda pair: pair.pair_id)) for side in (train, held)))
