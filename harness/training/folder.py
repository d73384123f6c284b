"""The output folder of a training: reused when finished, never seen half written, gone on with."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from harness.errors import RunBusy, UsageError
from harness.records import canonical
from harness.store import writing


def finished(folder: Path) -> dict[str, Any] | None:
    """The manifest of a folder whose files are all there and as long as they were, or None."""
    try:
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        files: dict[str, int] = manifest["files"]
        whole = all((folder / name).stat().st_size == size for name, size in files.items())
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return manifest if whole else None


@contextmanager
def open_folder(final: Path, *, fresh: bool = False) -> Iterator[Path]:
    """The folder a training writes into, renamed to `final` if the block ends well.

    What a killed or failed training left is kept as long as it holds a checkpoint to go on from,
    and handed to the next one; with `fresh` everything starts over. Raises RunBusy while another
    process writes the same folder, UsageError where the place cannot be written to.
    """
    partial = partial_of(final)
    try:
        partial.mkdir(parents=True, exist_ok=True)
        handle = os.open(partial, os.O_RDONLY)
    except OSError as error:
        raise UsageError(f"--output_path: {partial.parent}: {error.strerror}") from None
    try:
        _hold(handle, partial, final)
        if fresh or not _goes_on(partial):
            _sweep(partial)
        try:
            with writing(final):
                yield partial
                _put_in_place(partial, final)
        finally:
            if not _goes_on(partial):
                shutil.rmtree(partial, ignore_errors=True)
    finally:
        os.close(handle)


def partial_of(final: Path) -> Path:
    """Where a training is written before it is whole."""
    return final.with_name(f".{final.name}.partial")


def _goes_on(partial: Path) -> bool:
    """Whether a later process can go on where this one stopped."""
    return any(partial.glob("checkpoints/checkpoint-*/trainer_state.json"))


def _hold(handle: int, partial: Path, final: Path) -> None:
    """Lock the folder itself; the kernel lets go when the process ends, however it ends."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # another process may have finished, and renamed the folder, since it was opened
        busy = not partial.exists() or not os.path.samestat(os.fstat(handle), partial.stat())
    except BlockingIOError:
        busy = True
    if busy:
        raise RunBusy(f"{final}: another process is training it; wait for it to end")


def _sweep(folder: Path) -> None:
    for path in folder.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def _put_in_place(partial: Path, final: Path) -> None:
    if final.exists():  # it lacks files, or is to be made anew
        shutil.rmtree(final)
    partial.rename(final)


def write_json(path: Path, value: Any) -> None:
    """UTF-8, sorted keys, no NaN."""
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, indent=2, allow_nan=False)
    path.write_text(text + "\n", encoding="utf-8")


def write_jsonl(path: Path, rows: list[dict[str, Any]]) -> None:
    """One object a line."""
    path.write_text("".join(canonical(row) + "\n" for row in rows), encoding="utf-8")
