"""A task's pairs, read, checked and given their genres: `load_pairs` is the one door."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from harness.data.fetch import check_sha256, read_file, sha256_hex, source_file, task_homes
from harness.data.genres import Genres, load_genres
from harness.data.quirks import find_quirks, quirk_notices
from harness.data.rows import parse_rows
from harness.data.wpb import BadRows, Records, read_pairs
from harness.errors import DataError, UsageError
from harness.progress import Progress, Silent
from harness.records import Pair
from harness.specs import TaskSpec

__all__ = ["BadRows", "Dataset", "Verified", "load_pairs", "task_genres", "verify_source"]


@dataclass(frozen=True, slots=True)
class Dataset:
    """The pairs of one file. `file` is its base name, `sha256` that of its bytes, `replaced`
    whether it came by --data.

    `dropped` has one message for each bad row left out, `notices` a sentence for each quirk.
    `rows` counts bad rows too. `genre_map` names the table in force; `genre_map_sha256` is of
    what that table says (null for "tag").
    """

    pairs: tuple[Pair, ...]
    file: str
    sha256: str
    replaced: bool
    dropped: tuple[str, ...]
    notices: tuple[str, ...]
    rows: int
    genre_map: str
    genre_map_sha256: str | None


def load_pairs(
    spec: TaskSpec,
    *,
    file: Path | None = None,
    genre_map: str | None = None,
    bad_rows: BadRows = "refuse",
    include: tuple[Path, ...] = (),
    home: Path | None = None,
    progress: Progress | None = None,
) -> Dataset:
    """Read and check the pairs of a task, or of the `file` that replaces its own.

    `genre_map` is a map's name, the path of one, or "tag"; without it the task's own counts.
    `home` is the folder of the task's YAML where it is neither shipped nor under `include`.
    Raises DataError for contents that do not hold (all bad rows at once), UsageError for a
    `file` that is not there or an unknown map.
    """
    genres = task_genres(spec, genre_map, include=include, home=home)
    path = _given(spec, file) if file is not None else None
    if path is None:
        path = source_file(spec, include=include, home=home, progress=progress or Silent())
    content = read_file(path)
    if file is None:
        check_sha256(content, path, spec)
    records = read_pairs(
        content, name=str(path), language=spec.language, genre_of=genres.of, bad_rows=bad_rows
    )
    if file is None:
        check_rows(records.rows, path, spec)
    return Dataset(
        pairs=records.pairs,
        file=Path(spec.source.file).name if file is None else path.name,
        sha256=sha256_hex(content),
        replaced=file is not None,
        dropped=records.bad,
        notices=tuple(_notices(records, genres)),
        rows=records.rows,
        genre_map=genres.name,
        genre_map_sha256=genres.sha256,
    )


@dataclass(frozen=True, slots=True)
class Verified:
    """A file that holds what its task says; `checked` names what could be checked."""

    path: Path
    rows: int
    checked: str


def verify_source(
    spec: TaskSpec,
    *,
    file: Path | None = None,
    include: tuple[Path, ...] = (),
    home: Path | None = None,
    at_hand: bool = False,
    progress: Progress | None = None,
) -> Verified:
    """Check a task's own file, or `file` in its place, against the pinned sha256 and `expect`.

    Fetches from the hub unless `at_hand`. Rows are counted, not judged: that is load_pairs'
    part. DataError where anything does not hold.
    """
    path = _given(spec, file) if file is not None else None
    if path is None:
        path = source_file(
            spec, include=include, home=home, at_hand=at_hand, progress=progress or Silent()
        )
    content = read_file(path)
    check_sha256(content, path, spec, given=file is not None)
    rows = len(parse_rows(content, str(path)))
    check_rows(rows, path, spec)
    source = spec.source
    held = [what for what, pin in (("sha256", source.sha256), ("rows", source.expect)) if pin]
    return Verified(path, rows, f"{' and '.join(held)} as pinned" if held else "nothing is pinned")


def check_rows(rows: int, path: Path, spec: TaskSpec) -> None:
    """DataError where a task's own file has another number of rows than the task expects."""
    expect = spec.source.expect
    if expect is not None and rows != expect:
        raise DataError(
            f"{spec.name}: {path} has {rows:,} rows, the task expects {expect:,} (source.expect)"
        )


def _given(spec: TaskSpec, file: Path) -> Path:
    if not file.exists():
        raise UsageError(f"--data {spec.name}={file}: no such file")
    if file.is_dir():
        raise UsageError(f"--data {spec.name}={file}: a directory, not a file of rows")
    return file


def task_genres(
    spec: TaskSpec,
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


def _notices(records: Records, genres: Genres) -> list[str]:
    said = []
    if records.extra:
        keys = ", ".join(f"{key!a} {n:,}" for key, n in sorted(records.extra.items()))
        said.append(f"keys that are no part of the format were ignored: {keys}")
    unknown = genres.notice(pair.tag for pair in records.pairs)
    return [*said, *quirk_notices(find_quirks(records.pairs)), *([unknown] if unknown else [])]
