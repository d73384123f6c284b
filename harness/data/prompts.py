"""A writing task's prompts: read, made distinct, and given their genres."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.data.distinct import distinct
from harness.data.fields import BadRows, ignored
from harness.data.genres import Genres
from harness.data.prompt_rows import Form, PromptRow, read_prompt_rows
from harness.data.quirks import SHORT_PROMPT
from harness.data.source import check_rows, locate, read_located, task_genres
from harness.errors import DataError
from harness.progress import Progress
from harness.records import Prompt
from harness.specs import WritingSpec


@dataclass(frozen=True, slots=True)
class PromptSet:
    """The distinct prompts of one file, in its order.

    `file`, `sha256`, `replaced`, `dropped`, `notices`, `rows`, `genre_map` and `genre_map_sha256`
    are as in a Dataset; `reader` is the form the file was read in. `short_prompts` counts the
    distinct prompts that were left out as too short, `short_ids` are their ids. `aliases` are the
    other ids a prompt stands under, with the id it counts under.
    """

    prompts: tuple[Prompt, ...]
    reader: Form
    file: str
    sha256: str
    replaced: bool
    dropped: tuple[str, ...]
    notices: tuple[str, ...]
    rows: int
    short_prompts: int
    short_ids: tuple[str, ...]
    aliases: Mapping[str, str]
    genre_map: str
    genre_map_sha256: str | None

    @property
    def dropped_rows(self) -> int:
        """The number of bad rows that were left out."""
        return len(self.dropped)


def load_prompts(
    spec: WritingSpec,
    *,
    file: Path | None = None,
    genre_map: str | None = None,
    bad_rows: BadRows = "refuse",
    include: tuple[Path, ...] = (),
    home: Path | None = None,
    progress: Progress | None = None,
) -> PromptSet:
    """Read and check the prompts of a task, or of the `file` that replaces its own.

    The task's own file is read by its reader, `file` in the form its rows have (`prompt_rows`).
    A prompt is one exact string: its first row gives prompt_id and tag. A prompt_id that stands
    for several prompts is nobody's, so that no text can be taken for one it was not written for:
    these prompts get a "-1", "-2" after it. Prompts under 5 characters without the space around
    them are left out. Arguments and errors are those of load_pairs; DataError, too, where no
    prompt is left.
    """
    genres = task_genres(spec, genre_map, include=include, home=home)
    found = locate(spec, file, include=include, home=home, progress=progress)
    source = read_located(spec, found)
    name = str(source.path)
    form = None if source.replaced else spec.source.reader
    read = read_prompt_rows(
        source.content, name=name, language=spec.language, form=form, bad_rows=bad_rows
    )
    if not source.replaced:
        check_rows(read.rows, source.path, spec)
    one = distinct(read.found)
    if not one.rows:
        raise DataError(f"{name}: no prompt has {SHORT_PROMPT} characters or more")
    prompts = tuple(
        Prompt(row.prompt_id, row.prompt, row.tag, genres.of(row.tag), spec.language)
        for row in one.rows
    )
    return PromptSet(
        prompts=prompts,
        reader=read.form,
        file=source.name,
        sha256=source.sha256,
        replaced=source.replaced,
        dropped=read.bad,
        notices=(*ignored(read.extra), *one.notices, *_tag_notices(read.found, prompts, genres)),
        rows=read.rows,
        short_prompts=one.short_prompts,
        short_ids=one.short_ids,
        aliases=one.aliases,
        genre_map=genres.name,
        genre_map_sha256=genres.sha256,
    )


def _tag_notices(rows: Sequence[PromptRow], prompts: Sequence[Prompt], genres: Genres) -> list[str]:
    said = []
    tags: dict[str, set[str]] = {prompt.prompt: set() for prompt in prompts}
    for row in rows:
        if row.prompt in tags:  # not one that is left out
            tags[row.prompt].add(row.tag)
    several = [found for found in tags.values() if len(found) > 1]
    if several:
        across = sum(len({genres.of(tag) for tag in found}) > 1 for found in several)
        said.append(
            f"prompts under several tags: {len(several):,} (of several genres: {across:,}); "
            "the first row's tag counts"
        )
    bare = sum(not prompt.tag.strip() for prompt in prompts)
    if bare:
        said.append(f"prompts without a tag count as Other: {bare:,}")
    unknown = genres.notice((p.tag for p in prompts if p.tag.strip()), of="prompts")
    return [*said, *([unknown] if unknown else [])]
