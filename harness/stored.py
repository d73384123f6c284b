"""A run folder read back: for reports, comparisons, and the run that goes on with it."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from harness.errors import DataError
from harness.metrics.lines import Line, decode_slowly
from harness.metrics.table import PairTable, VerdictTable, pair_table, verdict_table

MANIFEST, RESULTS, REPORT = "manifest.json", "results.json", "report.md"
PAIRS, SCORES, VERDICTS = "pairs.jsonl", "scores.jsonl", "verdicts.jsonl"
_WAY_OUT = "take it out and run the same command again, or start over with --fresh"
_TOO_MANY = 1 << 40  # tokens in one answer: a server that says so has counted nothing
_BUFFER = 1 << 20  # a million lines are read a quarter of a second sooner


def read_json(path: Path) -> dict[str, Any] | None:
    """The object in a JSON file of a run folder, or None where there is no file."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: cannot be read ({error}); {_WAY_OUT}") from None
    if not isinstance(value, dict):
        raise DataError(f"{path}: must be a JSON object; {_WAY_OUT}")
    return value


@dataclass(frozen=True, slots=True)
class FinishedRun:
    """A finished run, read back for reports and comparisons."""

    folder: Path
    manifest: dict[str, Any]
    results: dict[str, Any]
    pairs: PairTable
    verdicts: VerdictTable


def read_tables(folder: Path) -> tuple[PairTable, VerdictTable]:
    """pairs.jsonl and verdicts.jsonl of a run folder as numpy columns."""
    try:
        with (folder / PAIRS).open("rb", buffering=_BUFFER) as stream:
            pairs = pair_table(stream)
        with (folder / VERDICTS).open("rb", buffering=_BUFFER) as stream:
            return pairs, verdict_table(pairs, stream)
    except FileNotFoundError as error:
        name = Path(error.filename).name
        raise DataError(
            f"{folder}: no {name} any more; run the same command again with --fresh"
        ) from None
    except DataError as error:
        raise DataError(f"{folder}: {error}") from None


_TRIES = re.compile(r" \(\d+ tries\)")
_NUMBERED = re.compile(r"\b[0-9a-f-]*\d{4,}[0-9a-f-]*\b")  # ids of requests, times


class _Spent(msgspec.Struct, gc=False):
    tokens_in: int | None = None
    tokens_out: int | None = None
    tokens_reasoning: int | None = None
    status: str | None = None  # stands in ratings alone


@dataclass(frozen=True, slots=True)
class Usage:
    """What a judge's run took: lines on disk, one call each at least, and their tokens."""

    lines: int
    tokens: dict[str, int | None]


def usage(folder: Path) -> Usage:
    """Tokens of all answers of a judge's run, those of retried calls included.

    A sum is null where no answer was counted. Ratings are counted in scores.jsonl, verdicts
    made of them are not counted again.
    """
    lines = list(_decoded(folder / SCORES, _Spent))
    if not any(line.status for line in lines):
        lines = list(_decoded(folder / VERDICTS, _Spent))
    found: dict[str, int | None] = {}
    for name in ("tokens_in", "tokens_out", "tokens_reasoning"):
        said = [n for line in lines if (n := getattr(line, name)) is not None]
        counted = [n for n in said if 0 <= n < _TOO_MANY]
        found[name] = sum(counted) if counted else None
    return Usage(len(lines), found)


def _decoded(path: Path, record: type[Line]) -> Iterator[Line]:
    """The fields of `record` of every whole line of a JSONL file; nothing where there is none."""
    if not path.is_file():
        return
    decode = msgspec.json.Decoder(record).decode
    with path.open("rb", buffering=_BUFFER) as stream:
        for number, line in enumerate(stream, 1):
            if not line.endswith(b"\n"):
                return  # torn: the disk is full, or the run goes on
            try:
                yield decode(line)
            except (msgspec.DecodeError, UnicodeDecodeError):  # lone surrogates, huge numbers
                yield decode_slowly(line, record, f"{path} line {number}")


class _Standing(msgspec.Struct, gc=False):
    id: str | None = None  # of a rating
    pair_id: str | None = None
    order: str | None = None
    repeat: int = 0
    status: str | None = None
    outcome: str | None = None


def answered(folder: Path) -> int:
    """Calls of a judge's run that are not made again: whose last line is no error."""
    ratings = (folder / SCORES).is_file()
    last: dict[tuple[str | None, str | None, int], bool] = {}
    for line in _decoded(folder / (SCORES if ratings else VERDICTS), _Standing):
        key = line.id or line.pair_id, line.order, line.repeat
        last[key] = "error" not in (line.status, line.outcome)
    return sum(last.values())


class _Failed(msgspec.Struct, gc=False):
    pair_id: str
    order: str | None
    repeat: int
    outcome: str
    reason: str | None


def reasons(folder: Path) -> dict[str, Counter[str]]:
    """How often each reason stands in verdicts.jsonl, by `error` and `unparsed`.

    The last line of a (pair_id, order, repeat) counts. How often a call was tried and numbers
    that a server gave it are left out, so that the same trouble is counted as such.
    """
    last: dict[tuple[str, str | None, int], _Failed | None] = {}
    for line in _decoded(folder / VERDICTS, _Failed):
        failed = line.outcome in ("error", "unparsed")
        last[line.pair_id, line.order, line.repeat] = line if failed else None
    found: dict[str, Counter[str]] = {"error": Counter(), "unparsed": Counter()}
    for line in filter(None, last.values()):
        why = _NUMBERED.sub("…", _TRIES.sub("", line.reason or "no reason given"))
        found[line.outcome][why] += 1
    return found


def read_results(folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """manifest.json and results.json of a finished run, or a DataError that says what it is."""
    manifest, results = read_json(folder / MANIFEST), read_json(folder / RESULTS)
    if manifest is None:
        raise DataError(f"{folder}: not a run folder (no {MANIFEST})")
    if results is None or manifest.get("status") != "finished":
        raise DataError(f"{folder}: the run is not finished; the same command again resumes it")
    return manifest, results


def read_run(folder: Path) -> FinishedRun:
    """A finished run folder with its tables; errors as `read_results`."""
    return FinishedRun(folder, *read_results(folder), *read_tables(folder))


def find_runs(folder: Path) -> list[Path]:
    """The finished runs at or below a folder, in the order of their paths."""
    if (folder / MANIFEST).is_file():
        return [folder]
    found = (file.parent for file in sorted(folder.rglob(MANIFEST)))
    return [
        path
        for path in found
        if (path / RESULTS).is_file()
        and (path / PAIRS).is_file()
        # errors of a finished run may be under way again beside its old results
        and (read_json(path / MANIFEST) or {}).get("status") == "finished"
    ]
