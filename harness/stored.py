"""A run folder read back: for reports, comparisons, and the run that goes on with it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from harness.errors import DataError
from harness.metrics.table import PairTable, VerdictTable, pair_table, verdict_table

MANIFEST, RESULTS, REPORT = "manifest.json", "results.json", "report.md"
PAIRS, SCORES, VERDICTS = "pairs.jsonl", "scores.jsonl", "verdicts.jsonl"
_BUFFER = 1 << 20  # a million lines are read a quarter of a second sooner


def read_json(path: Path) -> dict[str, Any] | None:
    """The object in a JSON file of a run folder, or None where there is no file."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: cannot be read ({error}); --fresh starts over") from None
    if not isinstance(value, dict):
        raise DataError(f"{path}: must be a JSON object; --fresh starts over")
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


class _Spent(msgspec.Struct, gc=False):
    tokens_in: int | None = None
    tokens_out: int | None = None
    tokens_reasoning: int | None = None
    status: str | None = None  # stands in ratings alone


def usage(folder: Path) -> dict[str, int | None]:
    """Tokens of all answers of a judge's run, those of retried calls included.

    A sum is null where no answer was counted. Ratings are counted in scores.jsonl, verdicts
    made of them are not counted again.
    """
    lines = _spent(folder / SCORES)
    if not any(line.status for line in lines):
        lines = _spent(folder / VERDICTS)
    found: dict[str, int | None] = {}
    for name in ("tokens_in", "tokens_out", "tokens_reasoning"):
        counted = [n for line in lines if (n := getattr(line, name)) is not None]
        found[name] = sum(counted) if counted else None
    return found


def _spent(path: Path) -> list[_Spent]:
    if not path.is_file():
        return []
    decode = msgspec.json.Decoder(_Spent).decode
    found = []
    with path.open("rb", buffering=_BUFFER) as stream:
        for line in stream:
            try:
                found.append(decode(line))
            except (msgspec.DecodeError, UnicodeDecodeError):  # lone surrogates in an answer
                slow = json.loads(line)
                found.append(
                    msgspec.convert({k: slow.get(k) for k in _Spent.__struct_fields__}, _Spent)
                )
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
