"""The run folder: identity, lock, append, resume, atomic finish."""

from __future__ import annotations

import dataclasses
import fcntl
import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, NamedTuple

from harness.errors import DataError, RunBusy
from harness.metrics.table import PairTable, VerdictTable
from harness.progress import Progress
from harness.records import (
    Outcome,
    PairFacts,
    Rating,
    Score,
    Verdict,
    VerdictKey,
    canonical,
    json_line,
)
from harness.store.files import cut_torn_line, write_atomic, writing
from harness.stored import (
    MANIFEST,
    PAIRS,
    REPORT,
    RESULTS,
    SCORES,
    VERDICTS,
    read_json,
    read_tables,
)

_LOCK = ".lock"


class Standing(NamedTuple):
    """What the last line of a verdict or rating says; without its text, which may be long."""

    outcome: Outcome
    attempt: int


def identity_sha256(identity: Mapping[str, Any]) -> str:
    """The sha256 whose first 8 hex digits name the run folder."""
    return hashlib.sha256(canonical(identity).encode()).hexdigest()


def slug(name: str) -> str:
    """A model's name as part of a folder name."""
    kept = "".join(c if c.isalnum() or c in "._-" else "-" for c in name)
    return kept.strip(".-")[:80] or "model"


class RunFolder:
    """An open run folder; made by `open_run`, which holds its lock."""

    def __init__(self, path: Path, progress: Progress) -> None:
        self.path = path
        self._progress = progress
        self.manifest: dict[str, Any] = read_json(path / MANIFEST) or {}

    @property
    def finished(self) -> bool:
        """Whether results stand in the folder and its manifest says they are complete."""
        whole = all((self.path / name).is_file() for name in (RESULTS, PAIRS))
        return whole and self.manifest.get("status") == "finished"

    def results(self) -> dict[str, Any]:
        """results.json of a finished folder."""
        return read_json(self.path / RESULTS) or {}

    def save_manifest(self, **changes: Any) -> None:
        """Merge changes into manifest.json, atomically."""
        self.manifest |= changes
        write_atomic(
            self.path / MANIFEST,
            json.dumps(self.manifest, ensure_ascii=False, sort_keys=True, indent=1, allow_nan=False)
            + "\n",
        )

    def write_pairs(self, pairs: Iterable[PairFacts]) -> None:
        """pairs.jsonl, whole."""
        write_atomic(self.path / PAIRS, "".join(json_line(pair) for pair in pairs))

    def write_lines(self, name: str, lines: Iterable[Mapping[str, Any]]) -> None:
        """A JSONL file of another run's lines, read anew; whole."""
        write_atomic(self.path / name, "".join(canonical(line) + "\n" for line in lines))

    def append_scores(self, scores: Sequence[Score]) -> None:
        """Add lines to scores.jsonl."""
        self._append(SCORES, scores)

    def append_ratings(self, ratings: Sequence[Rating]) -> None:
        """Add a judge's lines to scores.jsonl."""
        self._append(SCORES, ratings)

    def append_verdicts(self, verdicts: Sequence[Verdict]) -> None:
        """Add lines to verdicts.jsonl."""
        self._append(VERDICTS, verdicts)

    def _append(self, name: str, records: Sequence[Any]) -> None:
        with writing(self.path / name), (self.path / name).open("ab") as stream:
            stream.write("".join(json_line(record) for record in records).encode())
            stream.flush()

    def scores(self) -> dict[str, Score]:
        """The finite scores on disk by id; a text whose last line has none is to do again."""
        fields = {field.name for field in dataclasses.fields(Score)}
        found: dict[str, Score] = {}
        for line in self._lines(SCORES, fields):
            found[line["id"]] = Score(**{key: line[key] for key in fields if key in line})
        return {key: score for key, score in found.items() if score.score is not None}

    def ratings(self) -> dict[tuple[str, int], Rating]:
        """The last rating of every (text, repeat) on disk, without its texts."""
        fields = {field.name for field in dataclasses.fields(Rating)}
        found: dict[tuple[str, int], Rating] = {}
        for line in self._lines(SCORES, fields):
            slim = {key: line[key] for key in fields} | {"raw": None, "reasoning": None}
            found[line["id"], line["repeat"]] = Rating(**slim)
        return found

    def standing(self) -> dict[VerdictKey, Standing]:
        """How every (pair_id, order, repeat) on disk stands, by its last line."""
        return {
            (line["pair_id"], line["order"], line["repeat"]): Standing(
                line["outcome"], line["attempt"]
            )
            for line in self._lines(VERDICTS, {"pair_id", "order", "repeat", "outcome", "attempt"})
        }

    def _lines(self, name: str, needed: set[str]) -> Iterator[dict[str, Any]]:
        """Whole lines of a JSONL file; a torn last one is cut off the file, with a notice."""
        path = self.path / name
        if not path.is_file():
            return
        if cut_torn_line(path):
            self._progress.notice(f"{path}: dropped a torn last line (the run was interrupted)")
        with path.open("rb") as stream:
            for number, raw in enumerate(stream, 1):
                try:
                    line = json.loads(raw)
                    missing = needed - line.keys() - {"raw"}
                except (ValueError, AttributeError):
                    missing = needed
                if missing:
                    raise DataError(
                        f"{path}, line {number}: damaged; take it out, and what it held is done "
                        "again, or start over with --fresh"
                    )
                yield line

    def finish(self, results: Mapping[str, Any], report: str, **changes: Any) -> None:
        """Results and report, then the manifest that says they are complete."""
        text = json.dumps(results, ensure_ascii=False, sort_keys=True, indent=1, allow_nan=False)
        write_atomic(self.path / REPORT, report)
        write_atomic(self.path / RESULTS, text + "\n")
        self.save_manifest(status="finished", **changes)

    def tables(self) -> tuple[PairTable, VerdictTable]:
        """What stands in pairs.jsonl and verdicts.jsonl, as numpy columns."""
        return read_tables(self.path)


def run_path(output_path: Path, task: str, model: str, identity: Mapping[str, Any]) -> Path:
    """Where the run of an identity stands."""
    return output_path / task / f"{slug(model)}-{identity_sha256(identity)[:8]}"


@contextmanager
def open_run(path: Path, *, fresh: bool, progress: Progress) -> Iterator[RunFolder]:
    """Hold a run folder (see `run_path`); a second holder is told so and stops."""
    with _lock(path):
        try:
            if fresh:
                _empty(path)
            yield RunFolder(path, progress)
        except BaseException:
            _remove_if_empty(path)
            raise


def _lock(path: Path) -> IO[str]:
    """The folder's lock file, held; closing it lets go."""
    while True:
        with writing(path):
            path.mkdir(parents=True, exist_ok=True)
            lock = (path / _LOCK).open("w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # a run that ended empty-handed may have removed the file between open and lock
            if os.path.samestat(os.fstat(lock.fileno()), (path / _LOCK).stat()):
                return lock
        except BlockingIOError:
            lock.close()
            raise RunBusy(
                f"{path}: another run holds this folder; wait for it or stop it"
            ) from None
        except FileNotFoundError:
            pass
        lock.close()


def _empty(path: Path) -> None:
    """Remove what stands in a run folder; the manifest first, so that it never says too much."""
    with writing(path):
        for file in sorted(path.iterdir(), key=lambda file: file.name != MANIFEST):
            if file.name != _LOCK and file.is_file():
                file.unlink()


def _remove_if_empty(path: Path) -> None:
    """A run that never got a score or a verdict leaves nothing that would look like one."""
    if any((path / name).is_file() for name in (SCORES, VERDICTS, RESULTS)):
        return
    for name in (MANIFEST, PAIRS, _LOCK):
        (path / name).unlink(missing_ok=True)
    for folder in (path, *path.parents[:2]):
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
