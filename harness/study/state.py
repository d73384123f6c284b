"""What earlier stages made, by their inputs: a stage that would come out the same is not run."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from harness.errors import RunBusy, UsageError
from harness.store import write_atomic
from harness.study.stages import Stage, output_digest


@dataclass(frozen=True, slots=True)
class Done:
    """A stage that ended well: the folders of its output, what names it, how long it took."""

    name: str
    folders: tuple[str, ...]
    output: str
    seconds: float

    @property
    def paths(self) -> list[Path]:
        """The same as paths."""
        return [Path(folder) for folder in self.folders]


class State:
    """The finished stages of all studies under one output path, in `study/stages.json`.

    Folders are noted as they lie under that path, so that it may be moved, or named otherwise.
    """

    def __init__(self, folder: Path) -> None:
        self.file = folder / "stages.json"
        self._home = folder.parent
        self._done = self._read()

    def find(self, stage: Stage) -> Done | None:
        """What a stage of the same inputs made, if it is still there and as it was."""
        done = self._done.get(stage.inputs)
        if done is None or output_digest(stage.what, done.paths) != done.output:
            return None
        return done

    def add(self, stage: Stage, done: Done) -> None:
        """Note a stage that ended; the file is whole at any moment."""
        self._done[stage.inputs] = done
        rows = {
            inputs: asdict(one) | {"folders": [self._below(path) for path in one.paths]}
            for inputs, one in self._done.items()
        }
        write_atomic(self.file, json.dumps(rows, ensure_ascii=False, indent=2) + "\n")

    def _below(self, path: Path) -> str:
        return str(path.relative_to(self._home) if path.is_relative_to(self._home) else path)

    def _read(self) -> dict[str, Done]:
        try:
            rows = json.loads(self.file.read_text(encoding="utf-8"))
            return {
                inputs: Done(
                    row["name"],
                    tuple(str(self._home / folder) for folder in row["folders"]),
                    row["output"],
                    row["seconds"],
                )
                for inputs, row in rows.items()
            }
        except (OSError, ValueError, TypeError, AttributeError, KeyError):
            return {}  # whatever is lost here is found again by the stages themselves


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the studies of an output path; RunBusy while another process does."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder, os.O_RDONLY)
    except OSError as error:
        raise UsageError(f"--output_path: {folder}: {error.strerror}") from None
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RunBusy(f"{folder}: another study is running here; wait for it to end") from None
        yield
    finally:
        os.close(handle)
