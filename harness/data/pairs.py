"""A preference task's pairs, read, checked and given their genres."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from harness.data.fields import BadRows, ignored
from harness.data.genres import Genres
from harness.data.quirks import find_quirks, quirk_notices
from harness.data.source import check_rows, task_file, task_genres
from harness.data.wpb import Records, read_pairs
from harness.progress import Progress
from harness.records import Pair
from harness.specs import TaskSpec


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
    source = task_file(spec, file, include=include, home=home, progress=progress)
    records = read_pairs(
        source.content,
        name=str(source.path),
        language=spec.language,
        genre_of=genres.of,
        bad_rows=bad_rows,
    )
    if not source.replaced:
        check_rows(records.rows, source.path, spec)
    return Dataset(
        pairs=records.pairs,
        file=source.name,
        sha256=source.sha256,
        replaced=source.replaced,
        dropped=records.bad,
        notices=tuple(_notices(records, genres)),
        rows=records.rows,
        genre_map=genres.name,
        genre_map_sha256=genres.sha256,
    )


def _notices(records: Records, genres: Genres) -> list[str]:
    unknown = genres.notice(pair.tag for pair in records.pairs)
    quirks = quirk_notices(find_quirks(records.pairs))
    return [*ignored(records.extra), *quirks, *([unknown] if unknown else [])]
