"""The texts behind a run over pairs: from the task's data file, matched by pair_id."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from harness.data.fetch import NotAtHandError, read_file, sha256_hex, source_file
from harness.data.wpb import read_pairs
from harness.errors import DataError, UsageError
from harness.records import Pair
from harness.spec_files import load_any
from harness.specs import TaskSpec


def pairs_of_run(
    folder: Path,
    results: dict[str, Any],
    ids: Sequence[str],
    *,
    file: Path | None = None,
    include: tuple[Path, ...] = (),
) -> dict[str, Pair]:
    """The pairs of a finished run, by pair_id, out of `file` or the task's own file at hand.

    Nothing is fetched. DataError where the file is not there, is not the one that was read, byte
    for byte, or lacks a pair.
    """
    task, sha256 = str(results["task"]), str(results["data"]["sha256"])
    way_out = f"the texts are not in the run folder: --data {task}=FILE names the file it read"
    path = file or _own_file(folder, results, include, way_out)
    content = read_file(path)
    found = sha256_hex(content)
    if found != sha256:
        raise DataError(
            f"{path} is not the file that {folder} read ({results['data']['file']})\n"
            f"  sha256 expected {sha256}\n  sha256 found    {found}\n{way_out}"
        )
    # bad rows were dropped or refused by the run; genres are those of the run
    pairs = read_pairs(
        content,
        name=str(path),
        language=results["language"],
        genre_of=lambda tag: tag,
        bad_rows="drop",
    ).pairs
    by_id = {pair.pair_id: pair for pair in pairs}
    missing = [pair_id for pair_id in ids if pair_id not in by_id]
    if missing:
        raise DataError(
            f"{folder}: {len(missing):,} of its {len(ids):,} pairs are not in {path}, the first "
            f"of them {missing[0]}; its pairs.jsonl is not that of this run"
        )
    return by_id


def _own_file(
    folder: Path, results: dict[str, Any], include: tuple[Path, ...], way_out: str
) -> Path:
    """The task's own file where the run read that one and it is on this machine."""
    if results["data"].get("replaced"):
        name = results["data"]["file"]
        raise DataError(f"{folder} read a file of its own, {name}; {way_out}")
    try:
        spec = load_any("tasks", str(results["task"]), (TaskSpec,), "task", include)
        assert isinstance(spec, TaskSpec)
        return source_file(spec, include=include, at_hand=True)
    except UsageError as error:
        raise UsageError(f"{folder}: {error}; {way_out}") from None
    except NotAtHandError as error:
        raise DataError(f"{error}, or {way_out}") from None
