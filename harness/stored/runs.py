"""Finished runs read back: for reports, comparisons, and whoever goes on with them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.errors import DataError
from harness.metrics.table import PairTable, VerdictTable, pair_table, verdict_table
from harness.stored.files import BUFFER, MANIFEST, PAIRS, PROMPTS, RESULTS, VERDICTS, read_json


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
        with (folder / PAIRS).open("rb", buffering=BUFFER) as stream:
            pairs = pair_table(stream)
        with (folder / VERDICTS).open("rb", buffering=BUFFER) as stream:
            return pairs, verdict_table(pairs, stream)
    except FileNotFoundError as error:
        name = Path(error.filename).name
        raise DataError(
            f"{folder}: no {name} any more; run the same command again with --fresh"
        ) from None
    except DataError as error:
        raise DataError(f"{folder}: {error}") from None


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
        and any((path / name).is_file() for name in (PAIRS, PROMPTS, VERDICTS))
        # errors of a finished run may be under way again beside its old results
        and (read_json(path / MANIFEST) or {}).get("status") == "finished"
    ]
