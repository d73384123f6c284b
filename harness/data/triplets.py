"""The door to training rows: the files of one source, read and checked, as triplets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from harness.data.fields import Bad, ignored, refusal
from harness.data.triplet_files import read_rows
from harness.data.triplet_forms import COLUMNS, Texts, check_columns, form_of_most, texts_of
from harness.data.triplet_source import source_files
from harness.errors import DataError
from harness.progress import Progress, Silent
from harness.records import Triplet, triplet_id
from harness.specs import TripletSource

_SHOWN = 5


@dataclass(frozen=True, slots=True)
class TripletFile:
    """What the files of one source hold.

    `name` is the source's; `file` their base names, `sha256` that of the bytes (of several files:
    of their sums joined by newlines), `revision` the hub's commit. `triplets` are the good rows in
    their order, repeated ones too; over several files `row` counts on. `rows` is the number of all
    rows, `dropped` has a message for each that was left out, `without_thought` counts the
    triplets without one.
    """

    name: str
    file: str
    sha256: str
    revision: str | None
    triplets: tuple[Triplet, ...]
    rows: int
    dropped: tuple[str, ...]
    notices: tuple[str, ...]
    without_thought: int


@dataclass(frozen=True, slots=True)
class _Good:
    """A good row: its number over all files, its place for messages, its texts."""

    number: int
    place: str
    texts: Texts


def load_triplets(
    source: TripletSource,
    *,
    name: str,
    home: Path | None = None,
    at_hand: bool = False,
    progress: Progress | None = None,
) -> TripletFile:
    """Read the source called `name` in a recipe.

    Its own `file` is read in the form of most of its rows (told by their keys), hub files by the
    recipe's reader (harness/data/triplet_forms.py has the forms). A relative `file` lies under
    `home`, the recipe's folder, or where the user stands. Where no row has a thought the answers
    are all there is; where some have one, `empty_thought` says what becomes of the others.

    Raises UsageError for a source without files or a `file` that is not there; DataError for bad
    rows (all in one message), missing columns, rows without a thought unless they are dropped or
    taken as answers, another sum or number of rows than pinned; with `at_hand` NotAtHandError
    instead of fetching; MissingExtra for Parquet without its library.
    """
    heard = progress or Silent()
    files = source_files(source, name=name, home=home, at_hand=at_hand, progress=heard)
    where = str(files.paths[0]) if len(files.paths) == 1 else f"data.{name}"
    read = _Read()
    for path in files.paths:  # one by one: the rows of a file go when its texts are taken
        _read_file(path, source, name, read, several=len(files.paths) > 1, progress=heard)
    _check_expected(source, read.rows, where, name)
    bad = _bad_rows(read, source, where, name)
    kept, dropped, notices = _thoughts(read.good, source, where, name)
    return TripletFile(
        name=name,
        file=files.names,
        sha256=files.sha256,
        revision=files.revision,
        triplets=tuple(_triplet(one) for one in kept),
        rows=read.rows,
        dropped=(*bad, *dropped),
        notices=(*ignored(read.extra), *_told(bad), *notices),
        without_thought=sum(one.texts.thought is None for one in kept),
    )


@dataclass(slots=True)
class _Read:
    """What was found so far; `rows` counts all of them."""

    good: list[_Good] = field(default_factory=list)
    bad: list[Bad] = field(default_factory=list)
    extra: Counter[str] = field(default_factory=Counter)
    rows: int = 0


def _read_file(
    path: Path, source: TripletSource, name: str, read: _Read, *, several: bool, progress: Progress
) -> None:
    """Add the rows of a file; of several, each place names its own."""
    rows = read_rows(path, columns=COLUMNS, progress=progress)
    if source.file is not None:
        form = form_of_most(rows, str(path))
    else:
        form = source.reader
        check_columns(rows, form, name=str(path), source=name)
    for row in rows:
        read.rows += 1
        place = f"{path.name} {row.place}" if several else row.place
        problems: list[str] = []
        texts = texts_of(row, form, problems, read.extra)
        if texts is None:
            read.bad.append((place, problems))
        else:
            read.good.append(_Good(read.rows, place, texts))


def _check_expected(source: TripletSource, rows: int, where: str, name: str) -> None:
    expect = source.hub.expect if source.hub is not None and source.file is None else None
    if expect is not None and rows != expect:
        raise DataError(
            f"{where}: {rows:,} rows, the recipe expects {expect:,}; where the new number is "
            f"right, --set data.{name}.hub.expect={rows}"
        )


def _bad_rows(read: _Read, source: TripletSource, where: str, name: str) -> tuple[str, ...]:
    """A message for each bad row, where the recipe leaves such out; else DataError with all."""
    if read.bad and (source.bad_rows == "refuse" or not read.good):
        way_out = f"mend them, or leave them out: --set data.{name}.bad_rows=drop"
        raise DataError(refusal(where, read.bad, read.rows, way_out=way_out))
    return tuple(f"{place}: {'; '.join(problems)}" for place, problems in read.bad)


def _told(bad: Sequence[str]) -> tuple[str, ...]:
    return (f"{len(bad):,} bad rows were left out, the first: {bad[0]}",) if bad else ()


def _thoughts(
    good: Sequence[_Good], source: TripletSource, where: str, name: str
) -> tuple[Sequence[_Good], tuple[str, ...], tuple[str, ...]]:
    """The rows that stay by the rule of `empty_thought`, what was dropped, what to say of it."""
    lacking = [one for one in good if one.texts.thought is None]
    if not lacking:
        return good, (), ()
    if len(lacking) == len(good):
        return good, (), ("no row has a thought; the answers are all there is to learn",)
    some = f"{len(lacking):,} of {len(good):,} rows have no thought"
    if source.empty_thought == "refuse":
        first = ", ".join(one.place for one in lacking[:_SHOWN])
        more = ", ..." if len(lacking) > _SHOWN else ""
        raise DataError(
            f"{where}: {some} ({first}{more}); --set data.{name}.empty_thought=drop leaves them "
            f"out, --set data.{name}.empty_thought=answer learns their answers alone"
        )
    if source.empty_thought == "answer":
        return good, (), (f"{some}: their answers alone are learnt",)
    kept = [one for one in good if one.texts.thought is not None]
    messages = tuple(f"{one.place}: no thought" for one in lacking)
    return kept, messages, (f"{some} and were left out",)


def _triplet(one: _Good) -> Triplet:
    texts = one.texts
    sha256 = triplet_id(texts.query, texts.thought, texts.answer)
    return Triplet(sha256, texts.query, texts.thought, texts.answer, one.number)
