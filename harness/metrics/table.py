"""The tables every statistic reads: one row a pair, and one row a verdict that counts."""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt

from harness.errors import DataError
from harness.metrics.codes import Numbering
from harness.metrics.lines import columns_of
from harness.records import Order, Outcome

IntArray: TypeAlias = npt.NDArray[np.int64]
FloatArray: TypeAlias = npt.NDArray[np.float64]
BoolArray: TypeAlias = npt.NDArray[np.bool_]

OUTCOMES: tuple[Outcome, ...] = ("chosen", "rejected", "tie", "unparsed", "error")
CHOSEN, REJECTED, TIE, UNPARSED, ERROR = range(5)
ORDERS: dict[Order | None, int] = {None: -1, "chosen_first": 0, "rejected_first": 1}


@dataclass(frozen=True, slots=True)
class PairTable:
    """N pairs in file order; every array has N rows.

    `genre` and `tag` are codes into the names beside them (sorted), `cluster` runs from 0 to
    C-1 (docs/design.md 5.5), `*_chars` are lengths of the unstripped texts, `*_model` codes into
    `models` with -1 for an unknown source, `gap` the human score of chosen minus rejected with
    nan where either is unknown.
    """

    pair_id: list[str]
    genre: IntArray
    genres: tuple[str, ...]
    tag: IntArray
    tags: tuple[str, ...]
    cluster: IntArray
    chosen_chars: IntArray
    rejected_chars: IntArray
    chosen_model: IntArray
    rejected_model: IntArray
    models: tuple[str, ...]
    gap: FloatArray


@dataclass(frozen=True, slots=True)
class VerdictTable:
    """V verdicts that count, sorted by pair, order and repeat; every array has V rows.

    `pair` is a row of the PairTable, `order` -1 (none), 0 (chosen first) or 1 (rejected
    first), `repeat` the number of the answer to one prompt, from 0, `outcome` an index in
    OUTCOMES.
    """

    pair: IntArray
    order: IntArray
    repeat: IntArray
    outcome: IntArray
    truncated: BoolArray


# Only what the statistics need is decoded: a whole record a line is several times as slow.
_Whole = Annotated[int, msgspec.Meta(ge=0, lt=2**53)]


class _PairLine(msgspec.Struct, gc=False):
    pair_id: str
    genre: str
    tag: str
    cluster: _Whole
    chosen_chars: _Whole
    rejected_chars: _Whole
    chosen_model: str | None
    rejected_model: str | None
    chosen_score: float | None
    rejected_score: float | None


class _VerdictLine(msgspec.Struct, gc=False):
    pair_id: str
    order: Order | None
    outcome: Outcome
    repeat: Annotated[int, msgspec.Meta(ge=0, lt=2**20)]
    truncated: bool
    margin: float | None  # checked only: a NaN here is a failed score dressed as an outcome


def pair_table(lines: Iterable[bytes]) -> PairTable:
    """Read the lines of pairs.jsonl (records.PairFacts).

    Raises DataError naming the line that is not such a record or repeats a pair_id.
    """
    ids: list[str] = []
    genres, tags, models = Numbering(), Numbering(), Numbering()
    genre, tag, chosen_model, rejected_model = array("q"), array("q"), array("q"), array("q")
    cluster, chosen_chars, rejected_chars = array("q"), array("q"), array("q")
    gap = [np.empty(0)]
    for columns in columns_of(lines, _PairLine, "pairs.jsonl"):
        ids += columns[0]
        genre.extend(map(genres.__getitem__, columns[1]))
        tag.extend(map(tags.__getitem__, columns[2]))
        cluster.extend(columns[3])
        chosen_chars.extend(columns[4])
        rejected_chars.extend(columns[5])
        chosen_model.extend(map(models.__getitem__, columns[6]))
        rejected_model.extend(map(models.__getitem__, columns[7]))
        # an unknown score, None, is nan to numpy
        gap.append(np.array(columns[8], np.float64) - np.array(columns[9], np.float64))
    _refuse_repeats(ids)
    genre_codes, genre_names = genres.sorted(genre)
    tag_codes, tag_names = tags.sorted(tag)
    chosen_codes, model_names = models.sorted(chosen_model)
    return PairTable(
        pair_id=ids,
        genre=genre_codes,
        genres=genre_names,
        tag=tag_codes,
        tags=tag_names,
        # a number in a file may be huge: counted by what is there, never by its size
        cluster=np.unique(_ints(cluster), return_inverse=True)[1].astype(np.int64),
        chosen_chars=_ints(chosen_chars),
        rejected_chars=_ints(rejected_chars),
        chosen_model=chosen_codes,
        rejected_model=models.sorted(rejected_model)[0],
        models=model_names,
        gap=np.concatenate(gap),
    )


def verdict_table(pairs: PairTable, lines: Iterable[bytes]) -> VerdictTable:
    """Read the lines of verdicts.jsonl (records.Verdict).

    The last line of a (pair, order, repeat) counts: a retried call is appended as a new line.
    Raises DataError naming the line that is not such a record or whose pair is not in `pairs`.
    """
    row_of: dict[str, int] = {}
    outcome_of = {name: code for code, name in enumerate(OUTCOMES)}
    pair, order, repeat = array("q"), array("b"), array("q")
    outcome, truncated = array("b"), array("b")
    for columns in columns_of(lines, _VerdictLine, "verdicts.jsonl"):
        begin = len(pair)
        # most files have a line a pair in the same order: no look-up needed
        if not row_of and pairs.pair_id[begin : begin + len(columns[0])] == list(columns[0]):
            pair.frombytes(np.arange(begin, begin + len(columns[0]), dtype=np.int64).tobytes())
        else:
            row_of = row_of or {pair_id: row for row, pair_id in enumerate(pairs.pair_id)}
            _look_up(columns[0], row_of, pair)
        order.extend(map(ORDERS.__getitem__, columns[1]))
        outcome.extend(map(outcome_of.__getitem__, columns[2]))
        repeat.extend(columns[3])
        truncated.extend(columns[4])
    rows, orders, repeats = _ints(pair), _ints(order), _ints(repeat)
    width = int(repeats.max(initial=0)) + 1
    key = (rows * len(ORDERS) + orders + 1) * width + repeats
    last = key.size - 1 - np.unique(key[::-1], return_index=True)[1]
    return VerdictTable(
        pair=rows[last],
        order=orders[last],
        repeat=repeats[last],
        outcome=_ints(outcome)[last],
        truncated=np.array(truncated, np.bool_)[last],
    )


def _look_up(ids: tuple[str, ...], row_of: dict[str, int], rows: array[int]) -> None:
    """Append the rows of pair ids."""
    try:
        rows.extend(map(row_of.__getitem__, ids))
    except KeyError as unknown:
        # the array holds what came before: the next line is the one
        raise DataError(
            f"verdicts.jsonl line {len(rows) + 1}: pair_id {unknown.args[0]!r} is not in "
            "pairs.jsonl; the two files are not of one run"
        ) from None


def _refuse_repeats(ids: list[str]) -> None:
    if len(set(ids)) == len(ids):
        return
    seen: dict[str, int] = {}
    for number, pair_id in enumerate(ids, 1):
        if pair_id in seen:
            raise DataError(
                f"pairs.jsonl line {number}: pair_id {pair_id!r} stands on line {seen[pair_id]} "
                "already; every pair of a run has an id of its own"
            )
        seen[pair_id] = number


def _ints(column: array[int]) -> IntArray:
    return np.array(column, np.int64)
