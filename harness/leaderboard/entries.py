"""A submission read back: its metadata, its manifest and results, and its parts line by line."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any, Literal, NoReturn

import msgspec
from pydantic import Field

from harness.errors import DataError
from harness.leaderboard.archive import META, Archive, open_archive
from harness.metrics.arena import OrderStats, Units, read_arena
from harness.metrics.lines import Line
from harness.metrics.table import PairTable, VerdictTable, pair_table, verdict_table
from harness.records import canonical
from harness.spec_files import SpecError, check
from harness.specs import Name, Sha256, StrictSpec
from harness.stored import (
    MANIFEST,
    MEASURES,
    PAIRS,
    PROMPTS,
    RESULTS,
    SCORES,
    TEXTS,
    VERDICTS,
)

Kind = Literal["preference", "writing", "arena"]
# kind -> the parts it must have, and those it may have
PARTS: dict[Kind, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "preference": ((PAIRS, VERDICTS), (SCORES,)),
    "writing": ((PROMPTS, TEXTS, MEASURES), ()),
    "arena": ((VERDICTS, MEASURES), (SCORES,)),
}
_DEPTH = 32  # of lists and objects in one another; a manifest has about six
SAID = 200  # characters of what a submitter says of itself
Said = Annotated[str, Field(min_length=1, max_length=SAID)]


class Part(StrictSpec):
    """A member of a submission: its sum and its length, unpacked."""

    sha256: Sha256
    bytes: Annotated[int, Field(ge=0)]


class SubmissionMeta(StrictSpec):
    """submission.json (docs/design.md 4.7): what was submitted where, and what is in the file.

    `raw` says whether the answers of a judge, or the thoughts of a writer, are in it. What nobody
    said is null. `harness` is the version that packed it, `created` an ISO date.
    """

    schema_: Annotated[Literal[1], Field(alias="schema")]
    board: Name
    kind: Kind
    parts: dict[str, Part]
    raw: bool
    contact: Said | None
    license: Said | None
    trained_on_test: Literal["yes", "no", "unknown"] | None
    harness: Said
    created: Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$")]


@dataclass(frozen=True, slots=True)
class Submission:
    """One file of a board. Its parts are streamed from the archive each time they are asked for;
    DataError where a line is not what it should be."""

    path: Path
    archive: Archive
    meta: SubmissionMeta
    manifest: dict[str, Any]
    results: dict[str, Any]

    @property
    def kind(self) -> Kind:
        """What was run."""
        return self.meta.kind

    @property
    def model(self) -> str:
        """The name of the model as the submission has it: text, of any length and kind."""
        return str(at(self.results, "model", "name"))

    def has(self, part: str) -> bool:
        """Whether there is such a member."""
        return part in self.archive.sizes

    def lines(self, part: str) -> Iterator[bytes]:
        """The lines of a member."""
        return self.archive.lines(part)

    def records(self, part: str, record: type[Line]) -> Iterator[Line]:
        """The lines of a member as records, every value checked."""
        for number, line in enumerate(self.lines(part), 1):
            where = f"{self.path}: {part} line {number}"
            try:
                yield msgspec.convert(strict_json(line, where), record)
            except msgspec.ValidationError as error:
                raise DataError(f"{where}: {error}") from None

    def tables(self) -> tuple[PairTable, VerdictTable]:
        """Pairs and verdicts of a preference run as numpy columns."""
        with _named(self.path):
            pairs = pair_table(self.lines(PAIRS))
            return pairs, verdict_table(pairs, self.lines(VERDICTS))

    def arena(self) -> tuple[Units, OrderStats]:
        """The verdicts of an arena as its statistics read them."""
        with _named(self.path):
            return read_arena(self.lines(VERDICTS))

    @contextmanager
    def unpacked(self) -> Iterator[Path]:
        """A temporary folder with the parts of the run, as its run folder had them."""
        with TemporaryDirectory(prefix="harness-submission-") as name:
            folder = Path(name)
            for part in self.archive.sizes:
                with (folder / part).open("wb") as stream:
                    stream.writelines(self.archive.chunks(part))
            yield folder


def read_submission(path: Path) -> Submission:
    """Open one file of a board; nothing of it is believed yet.

    DataError for an archive that is unsafe or damaged, for members that do not fit its kind, and
    for a submission.json, manifest.json or results.json that is not strict JSON.
    """
    archive = open_archive(path)
    missing = [name for name in (META, MANIFEST, RESULTS) if name not in archive.sizes]
    if missing:
        raise DataError(f"{path}: no member {', '.join(missing)}; `harness submit` packs them")
    meta = _meta(archive)
    needed, optional = PARTS[meta.kind]
    there = archive.sizes.keys() - {META, MANIFEST, RESULTS}
    if lost := sorted(set(needed) - there):
        raise DataError(f"{path}: a {meta.kind} run without {', '.join(lost)}")
    if odd := sorted(there - {*needed, *optional}):
        raise DataError(f"{path}: a {meta.kind} run has no {', '.join(odd)}")
    return Submission(path, archive, meta, _object(archive, MANIFEST), _object(archive, RESULTS))


def _meta(archive: Archive) -> SubmissionMeta:
    try:
        return check(_object(archive, META), SubmissionMeta, Path(f"{archive.path}: {META}"))
    except SpecError as error:  # the file is not the reader's own: no wrong use
        raise DataError(str(error)) from None


def _object(archive: Archive, name: str) -> dict[str, Any]:
    value = strict_json(archive.read(name), f"{archive.path}: {name}")
    if not isinstance(value, dict):
        raise DataError(f"{archive.path}: {name}: not a JSON object")
    return value


def strict_json(content: bytes, where: str) -> Any:
    """JSON that every parser reads alike: UTF-8, no key twice, no NaN, no number beyond a float,
    no lone surrogate, no depth that ends a parser; else a DataError that begins with `where`."""
    try:
        value = json.loads(
            content.decode("utf-8"),
            parse_constant=_no_constant,
            parse_float=_finite,
            object_pairs_hook=_no_repeats,
        )
        if _too_deep(value):
            raise DataError(f"{where}: nested too deeply")
        if b"\\u" in content:  # an escape is the only way in for one
            canonical(value).encode()
    except RecursionError:
        raise DataError(f"{where}: nested too deeply") from None
    except UnicodeEncodeError:
        raise DataError(f"{where}: a lone surrogate, which is no text") from None
    except ValueError as error:
        raise DataError(f"{where}: not JSON ({str(error)[:120]})") from None
    return value


def _too_deep(value: Any) -> bool:
    """Whether lists and objects stand in one another deeper than anything of ours: a recursive
    function may then follow what is left without a thought."""
    level = [value]
    for _ in range(_DEPTH):
        inner: list[Any] = []
        for one in level:
            if isinstance(one, dict):
                inner += one.values()
            elif isinstance(one, list):
                inner += one
        if not inner:
            return False
        level = inner
    return True


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError("a number beyond a float")
    return value


def _no_repeats(items: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(items)
    if len(found) != len(items):
        raise ValueError("a key stands twice in one object")
    return found


def at(value: Any, *path: str) -> Any:
    """What stands at a path of keys; None where something on the way is no object."""
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value


@contextmanager
def _named(path: Path) -> Iterator[None]:
    try:
        yield
    except DataError as error:
        raise DataError(f"{path}: {error}") from None
