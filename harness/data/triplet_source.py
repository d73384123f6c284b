"""Where the files of a training source lie: one named by the user, or those of a hub dataset."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.data.fetch import HubFile, hub_file, other_sum
from harness.errors import DataError, UsageError
from harness.progress import Progress
from harness.specs import HubFiles, TripletSource


@dataclass(frozen=True, slots=True)
class SourceFiles:
    """The files of a source on this machine and the sha256 of each; `revision` is the hub's
    commit, null for a file of one's own."""

    paths: tuple[Path, ...]
    sums: tuple[str, ...]
    revision: str | None

    @property
    def names(self) -> str:
        """Their base names, joined by commas."""
        return ", ".join(path.name for path in self.paths)

    @property
    def sha256(self) -> str:
        """The sum of the one file; of several, the sha256 of their sums joined by newlines."""
        if len(self.sums) == 1:
            return self.sums[0]
        return hashlib.sha256("\n".join(self.sums).encode()).hexdigest()


def source_files(
    source: TripletSource, *, name: str, home: Path | None, at_hand: bool, progress: Progress
) -> SourceFiles:
    """Find the files of the source `name`, fetching what the hub has; pinned sums are checked.

    A relative `file` lies under `home` where it is there, else where the user stands. Raises
    UsageError for a file that is not there and a source without any; with `at_hand` NotAtHandError
    for a hub file outside the cache; DataError for what cannot be fetched or read, or has another
    sum than the pinned one.
    """
    if source.file is not None:
        path = _own(source.file, name, home)
        return SourceFiles((path,), (_sum(path),), None)
    if source.hub is None:
        raise UsageError(
            f"data.{name}: neither a file nor a dataset of the hub; --set data.{name}.file=FILE"
        )
    pinned = source.hub.sha256
    if pinned is not None and len(pinned) != len(source.hub.files):
        raise UsageError(
            f"data.{name}.hub.sha256: {len(pinned)} sums for {len(source.hub.files)} files; give "
            "one for each, in their order"
        )
    paths, revision = _of_hub(source.hub, name, at_hand, progress)
    sums = tuple(_sum(path) for path in paths)
    if pinned is not None:
        _check(paths, sums, pinned, name)
    return SourceFiles(paths, sums, revision)


def _own(file: str, name: str, home: Path | None) -> Path:
    given = Path(file).expanduser()
    beside = home / given if home is not None else given
    path = beside if beside.exists() else given
    if path.is_dir():
        raise UsageError(f"--set data.{name}.file={file}: a directory, not a file of rows")
    if not path.exists():
        both = "" if given.is_absolute() or home is None else f" (looked in {home} and here)"
        raise UsageError(f"--set data.{name}.file={file}: no such file{both}")
    return path


def _of_hub(
    hub: HubFiles, name: str, at_hand: bool, progress: Progress
) -> tuple[tuple[Path, ...], str | None]:
    """The paths of a dataset's files, all of one commit."""
    paths: list[Path] = []
    commit: str | None = None
    own = f"--set data.{name}.file=FILE"
    for file in hub.files:
        wanted = HubFile(
            owner=f"data.{name}",
            repo=hub.repo,
            file=file,
            revision=commit or hub.revision,  # a branch may move between two files
            field=f"data.{name}.hub.repo",
            fetch=f"{file} of {hub.repo} comes when training begins, or {own}",
            own=f"a copy of your own goes in by {own}",
        )
        paths.append(hub_file(wanted, at_hand=at_hand, progress=progress))
        commit = commit or _commit(paths[-1], hub.revision)
    return tuple(paths), commit


def _commit(path: Path, revision: str) -> str | None:
    """The commit a file of the hub's cache belongs to, told by .../snapshots/<commit>/..."""
    parts = path.parts
    if "snapshots" in parts[:-1]:
        return parts[len(parts) - parts[::-1].index("snapshots")]
    return revision if re.fullmatch("[0-9a-f]{40}", revision) else None


def _sum(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise DataError(f"{path}: {error.strerror or error}") from None


def _check(paths: Sequence[Path], sums: Sequence[str], pinned: Sequence[str], name: str) -> None:
    for path, found, expected in zip(paths, sums, pinned, strict=True):
        if found != expected:
            way_out = (
                f"delete {path.resolve()} and fetch again; where the file is what you want, use "
                f"it as your own with --set data.{name}.file={path}"
            )
            raise DataError(
                other_sum(f"data.{name}", path, expected, found, named_by="recipe", way_out=way_out)
            )
