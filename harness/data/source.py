"""The file a task reads, its own or the one given for it, and the genre table in force."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from harness.data.fetch import (
    check_sha256,
    check_sum,
    read_file,
    sha256_hex,
    source_file,
    task_homes,
)
from harness.data.genres import Genres, load_genres
from harness.data.lines import read_lines
from harness.data.rows import parse_rows
from harness.data.still_file import large_jsonl
from harness.errors import DataError, UsageError
from harness.progress import Progress, Silent
from harness.specs import AnyTask


@dataclass(frozen=True, slots=True)
class Located:
    """Where a task's file lies. `name` is its base name, `replaced` whether it came by --data."""

    path: Path
    name: str
    replaced: bool


@dataclass(frozen=True, slots=True)
class TaskFile:
    """The bytes of a task's file, and their sha256; the rest as in Located."""

    path: Path
    name: str
    content: bytes
    sha256: str
    replaced: bool


def locate(
    spec: AnyTask,
    file: Path | None = None,
    *,
    include: tuple[Path, ...] = (),
    home: Path | None = None,
    progress: Progress | None = None,
) -> Located:
    """The task's own file, fetched where it must be, or the `file` in its place; nothing is read.

    Raises DataError where there is none, UsageError for a `file` that is not there.
    """
    if file is not None:
        return Located(_given(spec, file), file.name, True)
    path = source_file(spec, include=include, home=home, progress=progress or Silent())
    return Located(path, Path(spec.source.file).name, False)


def read_located(spec: AnyTask, found: Located) -> TaskFile:
    """The bytes of a file; DataError where they are not those that the task pins."""
    content = read_file(found.path)
    if not found.replaced:
        check_sha256(content, found.path, spec)
    return TaskFile(found.path, found.name, content, sha256_hex(content), found.replaced)


def check_rows(rows: int, path: Path, spec: AnyTask) -> None:
    """DataError where a task's own file has another number of rows than the task expects."""
    expect = spec.source.expect
    if expect is not None and rows != expect:
        raise DataError(
            f"{spec.name}: {path} has {rows:,} rows, the task expects {expect:,} (source.expect)"
        )


@dataclass(frozen=True, slots=True)
class Verified:
    """A file that holds what its task says; `checked` names what could be checked."""

    path: Path
    rows: int
    checked: str


def verify_source(
    spec: AnyTask,
    *,
    file: Path | None = None,
    include: tuple[Path, ...] = (),
    home: Path | None = None,
    at_hand: bool = False,
    progress: Progress | None = None,
) -> Verified:
    """Check a task's own file, or `file` in its place, against the pinned sha256 and `expect`.

    Fetches from the hub unless `at_hand`. Rows are counted, not judged: that is the part of
    load_pairs and load_prompts. DataError where anything does not hold.
    """
    path = _given(spec, file) if file is not None else None
    if path is None:
        path = source_file(
            spec, include=include, home=home, at_hand=at_hand, progress=progress or Silent()
        )
    large = large_jsonl(path)
    if large is not None:
        check_sum(large.sha256(), path, spec, given=file is not None)
        rows = sum(1 for _ in read_lines(large.lines(), str(path)))
    else:
        content = read_file(path)
        check_sha256(content, path, spec, given=file is not None)
        rows = len(parse_rows(content, str(path)))
    check_rows(rows, path, spec)
    source = spec.source
    held = [what for what, pin in (("sha256", source.sha256), ("rows", source.expect)) if pin]
    return Verified(path, rows, f"{' and '.join(held)} as pinned" if held else "nothing is pinned")


def _given(spec: AnyTask, file: Path) -> Path:
    if not file.exists():
        raise UsageError(f"--data {spec.name}={file}: no such file")
    if file.is_dir():
        raise UsageError(f"--data {spec.name}={file}: a directory, not a file of rows")
    return file


def task_genres(
    spec: AnyTask,
    genre_map: str | None = None,
    *,
    include: tuple[Path, ...] = (),
    home: Path | None = None,
) -> Genres:
    """The genre table of a task, or the one asked for in its place."""
    if genre_map is not None:
        if genre_map.endswith((".yaml", ".yml")) and not Path(genre_map).is_file():
            raise UsageError(f"--genre_map {genre_map}: no such file")
        return load_genres(genre_map, include)
    path = Path(spec.genres)
    if path.suffix in (".yaml", ".yml") and not path.is_absolute():
        # a map that a task names by file lies beside the task's YAML
        beside = [folder / path for folder in task_homes(spec, include, home)]
        return load_genres(str(next((one for one in beside if one.exists()), path)), include)
    return load_genres(spec.genres, include)
