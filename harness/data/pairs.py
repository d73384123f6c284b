"""A preference task's pairs, read, checked and given their genres."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.data.fetch import check_sum
from harness.data.fields import BadRows, ignored
from harness.data.genres import Genres
from harness.data.quirks import find_quirks, quirk_notices
from harness.data.source import Located, check_rows, locate, read_located, task_genres
from harness.data.still_file import large_jsonl
from harness.data.wpb import Records, read_pairs
from harness.progress import Progress, Silent
from harness.records import Pair
from harness.specs import TaskSpec

_LONG_LIST = 10**9  # bytes of a JSON list that is worth a word


@dataclass(frozen=True, slots=True)
class Dataset:
    """The pairs of one file. `file` is its base name, `sha256` that of its bytes, `replaced`
    whether it came by --data.

    `pairs` are KeptPairs, or FilePairs of a large JSONL, whose texts stay in the file; `columns`
    has what is needed of either without texts. `dropped` has one message for each of the first
    1,000 bad rows left out, `dropped_rows` is the number of all, `notices` a sentence for each
    quirk. `rows` counts bad rows too. `genre_map` names the table in force; `genre_map_sha256` is
    of what that table says (null for "tag").
    """

    pairs: Sequence[Pair]
    file: str
    sha256: str
    replaced: bool
    dropped: tuple[str, ...]
    dropped_rows: int
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
    found = locate(spec, file, include=include, home=home, progress=progress)
    records, sha256 = _read(spec, found, genres, bad_rows, progress or Silent())
    if not found.replaced:
        check_rows(records.rows, found.path, spec)
    return Dataset(
        pairs=records.pairs,
        file=found.name,
        sha256=sha256,
        replaced=found.replaced,
        dropped=records.bad,
        dropped_rows=records.bad_rows,
        notices=tuple(_notices(records, genres)),
        rows=records.rows,
        genre_map=genres.name,
        genre_map_sha256=genres.sha256,
    )


def _read(
    spec: TaskSpec, found: Located, genres: Genres, bad_rows: BadRows, progress: Progress
) -> tuple[Records, str]:
    """What a file holds, and the sha256 of its bytes; a large JSONL stays where it is."""
    large = large_jsonl(found.path)
    if large is None:
        if found.path.is_file() and found.path.stat().st_size >= _LONG_LIST:
            progress.notice(
                f"{found.path}: a JSON list is held in memory whole, at some four times its size; "
                "written as JSON Lines, a row a line, it would stay in its file"
            )
        source = read_located(spec, found)
        records = read_pairs(
            source.content,
            name=str(found.path),
            language=spec.language,
            genre_of=genres.of,
            bad_rows=bad_rows,
        )
        return records, source.sha256
    from harness.data.large import read_large

    if spec.source.sha256 is not None and not found.replaced:
        check_sum(large.sha256(), found.path, spec)
    read = read_large(
        large,
        language=spec.language,
        genre_of=genres.of,
        bad_rows=bad_rows,
        progress=progress,
    )
    return read.records, read.sha256


def _notices(records: Records, genres: Genres) -> list[str]:
    from harness.data.columns import columns

    known = columns(records.pairs)
    unknown = genres.notice(known.tags[code] for code in known.tag.tolist())
    quirks = quirk_notices(find_quirks(records.pairs))
    return [*ignored(records.extra), *quirks, *([unknown] if unknown else [])]
