"""Several judges as one: the majority of their votes on each pair and order, with a quorum."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from harness.errors import DataError
from harness.metrics.repeats import majority_verdicts
from harness.metrics.table import (
    CHOSEN,
    TIE,
    UNPARSED,
    BoolArray,
    IntArray,
    VerdictTable,
)

VOTES = TIE + 1  # chosen, rejected and tie are votes; unparsed and error are none


@dataclass(frozen=True, slots=True)
class Ballot:
    """C cells, each a (pair, order), and what each of M judges says of it.

    `pair` and `order` as in a VerdictTable; `votes` (C, M) holds outcomes, `truncated` says
    where one of the judges read a shortened text.
    """

    pair: IntArray
    order: IntArray
    votes: IntArray
    truncated: BoolArray


def ballot(runs: Sequence[VerdictTable], names: Sequence[str]) -> Ballot:
    """The votes of M runs over the same pairs, rows aligned.

    A run's vote is the majority of its repeats; a run that knows no order votes in each order
    that the others were shown. Where no run knows one there is a cell a pair. Raises DataError,
    by `names`, where two runs were shown different orders or a run left pairs out.
    """
    single = [majority_verdicts(run) for run in runs]
    ordered = [place for place, run in enumerate(single) if (run.order >= 0).any()]
    cells = single[ordered[0] if ordered else 0]
    votes = np.empty((cells.pair.size, len(runs)), np.int64)
    truncated = np.zeros(cells.pair.size, np.bool_)
    pairs = np.unique(cells.pair)
    for place, run in enumerate(single):
        if place in ordered or not ordered:
            fits = np.array_equal(run.pair, cells.pair) and np.array_equal(run.order, cells.order)
            row = np.arange(cells.pair.size)
        else:
            fits = np.array_equal(run.pair, pairs)
            row = np.searchsorted(pairs, cells.pair)
        if not fits:
            raise DataError(
                f"{names[ordered[0] if ordered else 0]} and {names[place]} did not judge the same "
                "pairs in the same orders; a panel needs runs with the same --orders and --seed"
            )
        votes[:, place] = run.outcome[row]
        truncated |= run.truncated[row]
    return Ballot(cells.pair, cells.order, votes, truncated)


def counted(votes: IntArray) -> IntArray:
    """How many of the M judges say chosen, rejected and tie of each of C cells, (C, 3)."""
    return np.stack([(votes == vote).sum(axis=1) for vote in range(VOTES)], axis=1)


def panel_verdicts(votes: Ballot, *, quorum: int) -> VerdictTable:
    """What the panel says: the outcome of more than half of the valid votes, else a tie.

    With fewer valid votes than the quorum it is unparsed. A verdict a cell, sorted by pair and
    order. Source: docs/design.md 5.13.
    """
    counts = counted(votes.votes)
    valid = counts.sum(axis=1)
    outcome = np.where(2 * counts.max(axis=1) > valid, counts.argmax(axis=1), TIE)
    return VerdictTable(
        pair=votes.pair,
        order=votes.order,
        repeat=np.zeros(votes.pair.size, np.int64),
        outcome=np.where(valid < quorum, UNPARSED, outcome).astype(np.int64),
        truncated=votes.truncated,
    )


@dataclass(frozen=True, slots=True)
class Overlap:
    """How much of the same M judges say, as shares of all C cells.

    `unanimous`: all of them give the same valid vote. `all_right`, `none_right`: every one, no
    one says chosen; no rule for counting votes changes these. `with_panel`: each judge's share of
    cells in which it says what the panel says, no verdict on either side being unlike.
    """

    unanimous: float
    all_right: float
    none_right: float
    with_panel: tuple[float, ...]


def overlap(votes: Ballot, panel: VerdictTable) -> Overlap:
    """What the judges have in common with each other and with the panel; C > 0."""
    counts = counted(votes.votes)
    judges = votes.votes.shape[1]
    same = (votes.votes == panel.outcome[:, None]) & (votes.votes < UNPARSED)
    return Overlap(
        unanimous=float((counts.max(axis=1) == judges).mean()),
        all_right=float((counts[:, CHOSEN] == judges).mean()),
        none_right=float((counts[:, CHOSEN] == 0).mean()),
        with_panel=tuple(float(share) for share in same.mean(axis=0)),
    )
