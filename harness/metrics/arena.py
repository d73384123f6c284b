"""The table an arena's statistics read: one row for each thing somebody preferred."""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from operator import lt
from typing import Annotated

import msgspec
import numpy as np
import numpy.typing as npt

from harness.errors import DataError
from harness.metrics.accuracy import mean
from harness.metrics.codes import Codes
from harness.metrics.lines import columns_of
from harness.metrics.table import BoolArray, IntArray
from harness.records import ArenaOrder, ArenaOutcome, Language

OUTCOMES: tuple[ArenaOutcome, ...] = ("a", "b", "tie", "unparsed", "error")
A, B, TIE, UNPARSED, ERROR = range(5)
ORDERS: dict[ArenaOrder | None, int] = {None: -1, "a_first": 0, "b_first": 1}
_CREDIT = np.array([1, -1, 0, 0, 0])
_Whole = Annotated[int, msgspec.Meta(ge=0, lt=2**20)]


@dataclass(frozen=True, slots=True)
class Units:
    """U units, each a (pair of runs, prompt, annotator); every array has U rows.

    Sorted by `first`, `second`, prompt and annotator. `first` < `second` are places in `runs`.
    `prompt`, `genre`, `language` and `annotator` are codes into the names beside them, sorted
    but for `prompts`, whose ids are sorted within a language: the same id in two languages is
    two prompts. The annotator "" is the arena's own judge. `value` is 1 where the first run is
    preferred, -1 where the second is and 0 for a tie; `failed` units have none (and a 0 there).
    """

    runs: tuple[str, ...]
    first: IntArray
    second: IntArray
    prompt: IntArray
    prompts: tuple[str, ...]
    genre: IntArray
    genres: tuple[str, ...]
    language: IntArray
    languages: tuple[str, ...]
    annotator: IntArray
    annotators: tuple[str, ...]
    value: IntArray
    failed: BoolArray

    def where(self, kept: npt.NDArray[np.bool_ | np.int64]) -> Units:
        """The units of a mask or of row numbers; names and codes stay."""
        columns = {
            field.name: getattr(self, field.name)[kept]
            for field in fields(self)
            if isinstance(getattr(self, field.name), np.ndarray)
        }
        return replace(self, **columns)


@dataclass(frozen=True, slots=True)
class OrderStats:
    """What the order of showing did, and what failed, over all verdicts of an arena.

    `verdicts`, `ties`, `unparsed`, `errors`: counts of verdicts that count; `coverage`: the share
    that is neither unparsed nor error. `one_order`: texts judged in one order by somebody who
    was shown others in both. `consistency`: share of texts with the same outcome in both orders,
    among those valid in both. `first_pick_rate`: share for the text shown first among valid
    non-ties. Both null where nothing was judged in both orders. Source: docs/design.md 4.4.
    """

    verdicts: int
    ties: int
    unparsed: int
    errors: int
    coverage: float | None
    one_order: int
    consistency: float | None
    first_pick_rate: float | None


class _Line(msgspec.Struct, gc=False):
    run_a: str
    run_b: str
    prompt_id: str
    genre: str
    language: Language
    order: ArenaOrder | None
    outcome: ArenaOutcome
    annotator: str | None = None
    sample: _Whole = 0
    repeat: _Whole = 0


@dataclass(frozen=True, slots=True)
class _Verdicts:
    """V verdicts that count: their unit, cell (unit, sample and repeat), order and outcome."""

    unit: IntArray
    cell: IntArray
    order: IntArray
    outcome: IntArray


def read_units(lines: Iterable[bytes]) -> Units:
    """The units behind the lines of an arena's verdicts.jsonl (records.ArenaVerdict).

    The last line of a (run_a, run_b, prompt_id, sample, annotator, order, repeat) counts. A
    unit's value is the sign of the mean of +1, 0, -1 over its orders, samples and repeats. It is
    failed if one of its verdicts is unparsed or an error, or lacks its counterpart in the other
    order: with one order alone the place of a text would count. Raises DataError naming the line
    that is no such record, or whose runs do not stand in the order of their names.
    """
    return read_arena(lines)[0]


def read_arena(lines: Iterable[bytes]) -> tuple[Units, OrderStats]:
    """The units of an arena, as `read_units` says, and what the order of showing did."""
    runs, prompts, genres, languages, annotators = Codes(), Codes(), Codes(), Codes(), Codes()
    run_b = Codes()
    order, outcome, sample, repeat = array("b"), array("b"), array("q"), array("q")
    outcome_of = {name: code for code, name in enumerate(OUTCOMES)}
    for columns in columns_of(lines, _Line, "verdicts.jsonl"):
        _refuse_turned(columns[0], columns[1], len(order))
        for codes, column in zip((runs, run_b, prompts, genres, languages), columns, strict=False):
            codes.extend(column)
        order.extend(map(ORDERS.__getitem__, columns[5]))
        outcome.extend(map(outcome_of.__getitem__, columns[6]))
        annotators.extend(name or "" for name in columns[7])
        sample.extend(columns[8])
        repeat.extend(columns[9])
    first, second, names = _one_numbering(runs, run_b)
    (prompt, ids), (genre, genre_names) = prompts.sorted(), genres.sorted()
    (language, language_names), (annotator, people) = languages.sorted(), annotators.sorted()
    prompt, prompt_ids = _by_language(prompt, ids, language)
    unit, row = _coded(first, second, prompt, annotator)
    every = Units(
        names, first, second, prompt, prompt_ids, genre, genre_names, language, language_names,
        annotator, people, np.zeros(unit.size, np.int64), np.zeros(unit.size, np.bool_),
    ).where(row)  # fmt: skip
    kept = _counting(unit, _ints(sample), _ints(repeat), _ints(order), _ints(outcome))
    return _judged(every, kept)


def _judged(units: Units, verdicts: _Verdicts) -> tuple[Units, OrderStats]:
    """The units with what their verdicts say, and the statistics of order and failures."""
    size = units.first.size
    seen = np.full((int(verdicts.cell.max(initial=-1)) + 1, 2), -1)
    shown = verdicts.order >= 0
    seen[verdicts.cell[shown], verdicts.order[shown]] = verdicts.outcome[shown]
    unit_of = np.zeros(len(seen), np.int64)
    unit_of[verdicts.cell] = verdicts.unit
    both = (seen >= 0).all(axis=1)
    thorough = np.zeros(len(units.annotators), np.bool_)
    thorough[units.annotator[unit_of[both]]] = True
    one_order = (seen >= 0).any(axis=1) & ~both & thorough[units.annotator[unit_of]]
    credit = np.bincount(verdicts.unit, _CREDIT[verdicts.outcome], minlength=size)
    valid = verdicts.outcome < UNPARSED
    failed = np.bincount(verdicts.unit, ~valid, minlength=size) > 0
    failed[unit_of[one_order]] = True
    alike, decided = seen[both & (seen < UNPARSED).all(axis=1)], shown & (verdicts.outcome <= B)
    first_wins = verdicts.outcome == verdicts.order  # A is 0 as a_first is, B is 1 as b_first is
    stats = OrderStats(
        verdicts=verdicts.unit.size,
        ties=int((verdicts.outcome == TIE).sum()),
        unparsed=int((verdicts.outcome == UNPARSED).sum()),
        errors=int((verdicts.outcome == ERROR).sum()),
        coverage=mean(valid),
        one_order=int(one_order.sum()),
        consistency=mean(alike[:, 0] == alike[:, 1]) if both.any() else None,
        first_pick_rate=mean(first_wins[decided]) if both.any() else None,
    )
    value = np.where(failed, 0, np.sign(credit)).astype(np.int64)
    return replace(units, value=value, failed=failed), stats


def _counting(
    unit: IntArray, sample: IntArray, repeat: IntArray, order: IntArray, outcome: IntArray
) -> _Verdicts:
    """The last of the verdicts on the same texts by the same annotator in the same order."""
    cell, _ = _coded(unit, sample, repeat)
    key = cell * len(ORDERS) + order + 1
    last = key.size - 1 - np.unique(key[::-1], return_index=True)[1]
    return _Verdicts(unit[last], cell[last], order[last], outcome[last])


def _coded(*columns: IntArray) -> tuple[IntArray, IntArray]:
    """N rows as numbers from 0, equal where all columns are, in their order; and, for each
    number, its last row."""
    code = np.zeros(columns[0].size, np.int64)
    for column in columns:
        code = code * (int(column.max(initial=0)) + 1) + column
        code = np.unique(code, return_inverse=True)[1].astype(np.int64)
    last = code.size - 1 - np.unique(code[::-1], return_index=True)[1]
    return code, last


def _by_language(
    prompt: IntArray, ids: tuple[str, ...], language: IntArray
) -> tuple[IntArray, tuple[str, ...]]:
    """Prompts numbered anew: the same id in two languages is two prompts."""
    code, row = _coded(language, prompt)
    return code, tuple(ids[place] for place in prompt[row].tolist())


def _one_numbering(run_a: Codes, run_b: Codes) -> tuple[IntArray, IntArray, tuple[str, ...]]:
    """The runs of both columns as places in one sorted list of names."""
    (first, first_names), (second, second_names) = run_a.sorted(), run_b.sorted()
    names = sorted({*first_names, *second_names})
    place = {name: code for code, name in enumerate(names)}
    columns = []
    for column, own in ((first, first_names), (second, second_names)):
        columns.append(np.array([place[name] for name in own], np.int64)[column])
    return columns[0], columns[1], tuple(names)


def _refuse_turned(run_a: tuple[str, ...], run_b: tuple[str, ...], before: int) -> None:
    """One pair of runs is written one way only; else its two halves would be two pairs."""
    if all(map(lt, run_a, run_b)):
        return
    row = next(row for row, (a, b) in enumerate(zip(run_a, run_b, strict=True)) if a >= b)
    raise DataError(
        f"verdicts.jsonl line {before + row + 1}: run_a {run_a[row]!r} does not come before run_b "
        f"{run_b[row]!r} by name; write the pair the other way and turn outcome and order round"
    )


def _ints(column: array[int]) -> IntArray:
    return np.array(column, np.int64)
