"""Tags to macro genres: named tables, matched exactly once spelling is normalised."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.spec_files import SpecError, load_named
from harness.specs import GenreMap, spec_sha256

OTHER = "Other"
BY_TAG = "tag"  # the map that makes each tag its own genre
_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Genres:
    """A genre table ready to be asked. `table` holds normalised tags; None stands for
    `--genre_map tag`. `sha256` is of what the table says (None with None)."""

    name: str
    table: Mapping[str, str] | None
    sha256: str | None

    def of(self, tag: str) -> str:
        """The genre of a tag; "Other" where it fits nothing."""
        if self.table is None:
            return tag.strip() or OTHER
        return self.table.get(normalise(tag), OTHER)

    def notice(self, tags: Iterable[str], *, of: str = "pairs") -> str | None:
        """One sentence on the tags that fit no genre, or None; there is a tag to each of what
        `of` names."""
        if self.table is None:
            return None
        # each tag once: there are few of them, and a million pairs
        counts = Counter(tags)
        unknown = Counter({tag: n for tag, n in counts.items() if normalise(tag) not in self.table})
        if not unknown:
            return None
        listed = [f"{tag!r} {n:,}" for tag, n in unknown.most_common(_SHOWN)]
        if len(unknown) > _SHOWN:
            listed.append(f"and {len(unknown) - _SHOWN:,} more")
        return (
            f"tags that fit no genre of {self.name} and count as {OTHER}: {len(unknown):,} "
            f"({of}: {sum(unknown.values()):,}), {', '.join(listed)}; a map of your own "
            "goes in by --genre_map FILE, and --genre_map tag makes each tag its own genre"
        )


def normalise(tag: str) -> str:
    """NFKC, casefold, then letters and digits alone: "Resume / Cover letter" and
    "resume-cover-letter" are one tag, "Cover Letter" is another."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", tag).casefold())
    return "".join(character for character in folded if character.isalnum())


def load_genres(name: str, include: tuple[Path, ...] = ()) -> Genres:
    """The table of that name or file, or "tag"; UsageError or SpecError where it is not one."""
    if name == BY_TAG:
        return Genres(BY_TAG, None, None)
    spec = load_named("tasks", name, GenreMap, "genre map", include)
    return Genres(spec.name, genre_table(spec), spec_sha256(spec))


def genre_table(spec: GenreMap) -> dict[str, str]:
    """Normalised tag -> genre; SpecError with every tag that stands in two genres."""
    table: dict[str, tuple[str, str]] = {}
    wrong: list[str] = []
    for genre, tags in spec.genres.items():
        if not genre.strip():
            wrong.append(f"a genre has no name (its tags: {', '.join(tags)})")
        for tag in tags:
            key = normalise(tag)
            if not key:
                wrong.append(f"{genre}: tag {tag!r} holds no letter and no digit")
            elif table.setdefault(key, (genre, tag))[0] != genre:
                other, spelled = table[key]
                as_there = "" if spelled == tag else f" (there {spelled!r})"
                wrong.append(f"tag {tag!r} stands in {other!r}{as_there} and in {genre!r}")
    if wrong:
        raise SpecError("\n".join(f"genre map {spec.name}: field genres: {one}" for one in wrong))
    return {key: genre for key, (genre, _) in table.items()}
