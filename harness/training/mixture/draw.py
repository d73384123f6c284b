"""Draws the rows of one source: in an order that only their contents and the seed decide."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from harness.errors import DataError
from harness.progress import Progress
from harness.records import Triplet
from harness.training.mixture.contamination import Hit
from harness.training.mixture.near import NearIndex

OverLong = Literal["truncate", "drop", "refuse"]
Contaminated = Literal["refuse", "drop"]


@dataclass(frozen=True, slots=True)
class DrawCounts:
    """Rows of a source, by what became of them.

    Of the good `rows`, `duplicates` repeat another one to the letter. Of the rest `visited` were
    looked at before there were enough; `near_duplicates`, `over_long` and, unless they are
    refused, `contaminated` ones were left out, each by the first of these rules that it met.
    `truncated` counts those taken that will be cut to max_length.
    """

    rows: int
    visited: int
    duplicates: int
    near_duplicates: int
    over_long: int
    truncated: int
    contaminated: int


@dataclass(frozen=True, slots=True)
class Drawn:
    """The rows drawn of one source, in the order of the draw; `hits` are rows that hold texts of
    the tests, whether they were left out or not."""

    train: tuple[Triplet, ...]
    eval: tuple[Triplet, ...]
    counts: DrawCounts
    hits: tuple[tuple[Triplet, Hit], ...]


class TooFew(DataError):
    """A source has fewer rows than are asked of it.

    The message is `said` and the way out; `drawable` is how many rows it has to train on.
    """

    def __init__(self, said: str, way_out: str, name: str, drawable: int) -> None:
        super().__init__(f"{said}; {way_out}")
        self.said, self.name, self.drawable = said, name, drawable


def draw_order(triplets: Sequence[Triplet], seed: int, what: str = "train") -> list[Triplet]:
    """The distinct rows by ascending sha256 of seed, NUL and id: the same whatever their order in
    the file, and whichever rows stand beside them. Of equal rows the first of the file stays.

    For any other `what` than train it stands between seed and id, with a NUL of its own."""
    distinct: dict[str, Triplet] = {}
    for triplet in triplets:
        distinct.setdefault(triplet.id, triplet)
    head = f"{seed}\0" if what == "train" else f"{seed}\0{what}\0"
    key = {id_: hashlib.sha256(f"{head}{id_}".encode()).digest() for id_ in distinct}
    return sorted(distinct.values(), key=lambda triplet: key[triplet.id])


def draw(
    triplets: Sequence[Triplet],
    *,
    n: int | None,
    eval_n: int,
    seed: int,
    tokens: Callable[[Triplet], int],
    max_length: int,
    over_long: OverLong,
    near_duplicates: float | None,
    hit: Callable[[Triplet], Hit | None] | None,
    contaminated: Contaminated,
    name: str,
    progress: Progress,
    learns: Callable[[Triplet], bool] = lambda _: True,
) -> Drawn:
    """The first `eval_n` rows of an order of their own to evaluate on, of the others the first
    `n` of the draw order to train on.

    Left out are repeated rows; rows whose query and answer have a Jaccard index of
    `near_duplicates` or more with a row already taken (thoughts are not looked at); by the rule
    `over_long`, rows of more than `max_length` tokens (those of which nothing would be left to
    learn, as `learns` says, also where they are cut); by the rule `contaminated`, rows that
    `hit` finds texts of the tests in (refused ones are drawn, and the caller raises). So a smaller
    draw is the beginning of a larger one, and both are evaluated on the same rows. With `n` null
    every row is drawn. `tokens` is asked at most once a row, and only of rows that come so far.

    Raises TooFew where there are fewer rows than asked, DataError for a row that is too long under
    `refuse`.
    """
    walk = _Walk(tokens, learns, max_length, over_long, near_duplicates, hit, contaminated, name)
    ordered = draw_order(triplets, seed)
    everything = n is None
    asked = len(ordered) if n is None else n + eval_n
    progress.start(f"drawing {name}", asked, "rows")
    visited = 0
    held: set[str] = set()
    for order, until in (
        (draw_order(triplets, seed, "eval") if eval_n else [], eval_n),
        (ordered, asked),
    ):
        for triplet in order:
            if len(walk.taken) == until:
                break
            if triplet.id in held:
                continue
            visited += 1
            held.add(triplet.id)
            progress.advance(1 if walk.take(triplet) or everything else 0)
    progress.finish()
    counts = walk.counts(len(triplets), len(ordered), visited)
    train = walk.taken[eval_n:]
    if len(train) < (1 if n is None else n) or len(walk.taken) < eval_n:
        raise _too_few(name, n, eval_n, len(walk.taken), counts, left_out=contaminated == "drop")
    return Drawn(tuple(train), tuple(walk.taken[:eval_n]), counts, tuple(walk.hits))


@dataclass(slots=True)
class _Walk:
    """The rules, and what they have taken and left out so far."""

    tokens: Callable[[Triplet], int]
    learns: Callable[[Triplet], bool]
    max_length: int
    over_long: OverLong
    threshold: float | None
    hit: Callable[[Triplet], Hit | None] | None
    contaminated: Contaminated
    name: str
    taken: list[Triplet] = field(default_factory=list)
    hits: list[tuple[Triplet, Hit]] = field(default_factory=list)
    near_duplicates: int = 0
    over_long_rows: int = 0
    truncated: int = 0
    _near: NearIndex | None = None

    def __post_init__(self) -> None:
        if self.threshold is not None:
            self._near = NearIndex(self.threshold)

    def counts(self, rows: int, distinct: int, visited: int) -> DrawCounts:
        """What became of the rows of a file."""
        return DrawCounts(
            rows=rows,
            visited=visited,
            duplicates=rows - distinct,
            near_duplicates=self.near_duplicates,
            over_long=self.over_long_rows,
            truncated=self.truncated,
            contaminated=len(self.hits),
        )

    def take(self, triplet: Triplet) -> bool:
        """Whether the row is taken; the costlier a rule, the later it is asked."""
        text = f"{triplet.query}\n{triplet.answer}"
        if self._near is not None and self._near.nearest(text):
            self.near_duplicates += 1
            return False
        cut = self.over_long == "truncate"
        if not cut and self._is_over_long(triplet):
            self.over_long_rows += 1
            return False
        found = self.hit(triplet) if self.hit is not None else None
        if found is not None:
            self.hits.append((triplet, found))
            if self.contaminated == "drop":
                return False
        if cut and self._is_over_long(triplet):
            if not self.learns(triplet):
                self.over_long_rows += 1
                return False
            self.truncated += 1
        if self._near is not None:
            self._near.add(text)
        self.taken.append(triplet)
        return True

    def _is_over_long(self, triplet: Triplet) -> bool:
        n_tokens = self.tokens(triplet)
        if n_tokens > self.max_length and self.over_long == "refuse":
            raise DataError(
                f"{self.name}: row {triplet.row} has {n_tokens:,} tokens, max_length is "
                f"{self.max_length:,} (the first such row; there may be more); --set "
                "over_long=truncate cuts them, --set over_long=drop leaves them out, --set "
                "max_length=... makes room"
            )
        return n_tokens > self.max_length


def _too_few(
    name: str, n: int | None, eval_n: int, drawn: int, counts: DrawCounts, *, left_out: bool
) -> TooFew:
    asked = "at least one" if n is None else f"{n:,}"
    held = f" and {eval_n:,} to evaluate on" if eval_n else ""
    gone = ", ".join(_left_out(counts, contaminated=left_out))
    said = f"{name}: {asked} asked{held}, {counts.rows:,} rows, {drawn:,} can be drawn"
    if drawn > eval_n:
        changes = {"n": drawn - eval_n}
    elif not drawn:  # the training goes on without this source
        changes = {"n": 0, "eval_n": 0} if eval_n else {"n": 0}
    elif n is None:
        changes = {"eval_n": drawn - 1}
    else:
        changes = {"n": min(n, drawn), "eval_n": max(0, drawn - n)}
    way_out = " ".join(f"--set data.{name}.{key}={value}" for key, value in changes.items())
    return TooFew(f"{said} ({gone})" if gone else said, way_out, name, max(0, drawn - eval_n))


def _left_out(counts: DrawCounts, *, contaminated: bool) -> Iterator[str]:
    """The rules that left rows out, with their counts."""
    if counts.duplicates:
        yield f"{counts.duplicates:,} duplicates"
    if counts.near_duplicates:
        yield f"{counts.near_duplicates:,} near-duplicates"
    if counts.over_long:
        yield f"{counts.over_long:,} over-long"
    if contaminated and counts.contaminated:
        yield f"{counts.contaminated:,} contaminated"
