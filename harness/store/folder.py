"""The folder of a run: identity, lock, append, resume, atomic finish."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, ClassVar, TypeVar

from harness.errors import DataError, RunBusy
from harness.progress import Progress
from harness.records import canonical, json_line
from harness.store.files import cut_torn_line, write_atomic, writing
from harness.stored import (
    MANIFEST,
    MEASURES,
    PAIRS,
    PROMPTS,
    REPORT,
    RESULTS,
    SCORES,
    TEXTS,
    VERDICTS,
    read_json,
)

_LOCK = ".lock"


def identity_sha256(identity: Mapping[str, Any]) -> str:
    """The sha256 whose first 8 hex digits name the run folder."""
    return hashlib.sha256(canonical(identity).encode()).hexdigest()


def slug(name: str) -> str:
    """A model's name as part of a folder name."""
    kept = "".join(c if c.isalnum() or c in "._-" else "-" for c in name)
    return kept.strip(".-")[:80] or "model"


class Folder:
    """An open folder; made by `open_run`, which holds its lock.

    `needed` are the files that a finished one has beside its results.
    """

    needed: ClassVar[tuple[str, ...]] = ()

    def __init__(self, path: Path, progress: Progress) -> None:
        self.path = path
        self._progress = progress
        self.manifest: dict[str, Any] = read_json(path / MANIFEST) or {}

    @property
    def finished(self) -> bool:
        """Whether results stand in the folder and its manifest says they are complete."""
        whole = all((self.path / name).is_file() for name in (RESULTS, *self.needed))
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

    def write_records(self, name: str, records: Iterable[Any]) -> None:
        """A JSONL file of records, whole."""
        write_atomic(self.path / name, (json_line(record) for record in records))

    def write_lines(self, name: str, lines: Iterable[Mapping[str, Any]]) -> None:
        """A JSONL file of another run's lines, read anew; whole."""
        write_atomic(self.path / name, (canonical(line) + "\n" for line in lines))

    def _append(self, name: str, records: Sequence[Any]) -> None:
        self._append_text(name, "".join(json_line(record) for record in records))

    def _append_lines(self, name: str, lines: Iterable[Mapping[str, Any]]) -> None:
        self._append_text(name, "".join(canonical(line) + "\n" for line in lines))

    def _append_text(self, name: str, text: str) -> None:
        with writing(self.path / name), (self.path / name).open("ab") as stream:
            stream.write(text.encode())
            stream.flush()

    def _lines(self, name: str, needed: set[str]) -> Iterator[dict[str, Any]]:
        """Whole lines of a JSONL file; a torn last one is cut off the file, with a notice."""
        path = self.path / name
        if not self._cut(name):
            return
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

    def _cut(self, name: str) -> bool:
        """Whether there is such a file; a torn last line is cut off it."""
        path = self.path / name
        if not path.is_file():
            return False
        if cut_torn_line(path):
            self._progress.notice(f"{path}: dropped a torn last line (the run was interrupted)")
        return True

    def finish(self, results: Mapping[str, Any], report: str, **changes: Any) -> None:
        """Results and report, then the manifest that says they are complete."""
        text = json.dumps(results, ensure_ascii=False, sort_keys=True, indent=1, allow_nan=False)
        write_atomic(self.path / REPORT, report)
        write_atomic(self.path / RESULTS, text + "\n")
        self.save_manifest(status="finished", **changes)


def run_path(output_path: Path, task: str, model: str, identity: Mapping[str, Any]) -> Path:
    """Where the run of an identity stands."""
    return output_path / task / f"{slug(model)}-{identity_sha256(identity)[:8]}"


Opened = TypeVar("Opened", bound=Folder)


@contextmanager
def open_run(
    kind: Callable[[Path, Progress], Opened], path: Path, *, fresh: bool, progress: Progress
) -> Iterator[Opened]:
    """Hold a folder of this kind (see `run_path`); a second holder is told so and stops."""
    with _lock(path):
        try:
            if fresh:
                _empty(path)
            yield kind(path, progress)
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
    """A run that never got a score, a verdict or a text leaves nothing that looks like one."""
    if any((path / name).is_file() for name in (SCORES, VERDICTS, TEXTS, RESULTS)):
        return
    for name in (MANIFEST, PAIRS, PROMPTS, MEASURES, _LOCK):
        (path / name).unlink(missing_ok=True)
    for folder in (path, *path.parents[:2]):
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
