"""The tables that papers report, read and checked: data to show and to audit, never to rank."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from harness.leaderboard.boards import PUBLISHED, Board
from harness.leaderboard.published_shapes import Preference, Row, Writing
from harness.records import Language
from harness.reports.text import plain
from harness.spec_files import SpecError, check

MAX_BYTES = 1 << 22
TABLES = {"table1_reward_models": "Table 1, reward models", "table2_llm_judges": "Table 2, judges"}
Cells = tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class PublishedRow:
    """A reported row: accuracies in percent by genre, their average, their SD; None where empty."""

    model: str
    kind: str
    cells: Cells
    avg: float | None
    std: float | None


@dataclass(frozen=True, slots=True)
class PublishedTable:
    """One language of a table of accuracies; `counts` are the pairs of each of its `genres`."""

    name: str
    language: Language
    genres: tuple[str, ...]
    counts: tuple[int, ...]
    rows: tuple[PublishedRow, ...]

    @property
    def title(self) -> str:
        """How a reader knows it."""
        return TABLES[self.name]

    @property
    def n(self) -> int:
        """All its pairs."""
        return sum(self.counts)


@dataclass(frozen=True, slots=True)
class PublishedArena:
    """One language of a paper on models that write; every tuple is in the order of `models`.

    `wins[i][j]` is how often model i beats model j, in percent of `n` prompts, None on the
    diagonal; the rest are means or medians over texts, None where the paper says nothing.
    `wrong_language` is in percent of `n`.
    """

    language: Language
    models: tuple[str, ...]
    n: int
    wins: tuple[Cells, ...]
    ttr: Cells
    ttr_median: Cells
    ttr_unit: str
    tokens: Cells
    chars: Cells
    wrong_language: Cells


@dataclass(frozen=True, slots=True)
class Published:
    """All tables of one file; `pairs` are all pairs of a language, where the paper says so."""

    source: str
    tables: tuple[PublishedTable, ...] = ()
    arenas: tuple[PublishedArena, ...] = ()
    pairs: tuple[tuple[Language, int], ...] = ()


def board_published(board: Board) -> Published | None:
    """What the papers report of a board's task; None where the board has no such file."""
    path = board.folder / PUBLISHED
    return read_published(path) if path.is_file() else None


def read_published(path: Path) -> Published:
    """The checked tables of a file in the shape of a board's published.json.

    One language or several. Raises UsageError for a file that is not there or not of that shape,
    all bad fields at once, each with its row.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise SpecError(f"{path}: {error.strerror or error}") from None
    if len(content) > MAX_BYTES:
        raise SpecError(f"{path}: {len(content):,} bytes, more than the {MAX_BYTES:,} of any table")
    try:
        document = json.loads(content, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise SpecError(f"{path}: not JSON: {error}") from None
    return parse_published(document, path)


def parse_published(document: Any, path: Path) -> Published:
    """The same of the document in such a file; `path` is what errors name."""
    if not isinstance(document, dict):
        raise SpecError(f"{path}: must be an object of keys to values")
    if "win_rate_percent_row_beats_column" in document:
        writing = check(document, Writing, path)
        return Published(writing.source, arenas=tuple(_arenas(writing)))
    shape = check(document, Preference, path)
    rows = _rows(shape, path)
    pairs = tuple(sorted(shape.pairs.items()))
    return Published(shape.source, tables=tuple(_tables(shape, rows)), pairs=pairs)


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no number; write null")


def _rows(shape: Preference, path: Path) -> Mapping[str, list[Row]]:
    """The rows of each table, each checked under its own name."""
    found: dict[str, list[Row]] = {table: [] for table in TABLES}
    bad: list[str] = []
    for table in TABLES:
        for number, raw in enumerate(getattr(shape, table), 1):
            where = f"{table} row {number} ({_name(raw)})"
            try:
                row = check(raw, Row, Path(f"{path}: {where}"))
            except SpecError as error:
                bad.append(str(error))
                continue
            if len(row.accuracy_by_genre) != len(shape.genres):
                bad.append(
                    f"{path}: {where}: field accuracy_by_genre: {len(row.accuracy_by_genre)} "
                    f"values for {len(shape.genres)} genres"
                )
            if row.language not in getattr(shape.pairs_per_genre, table):
                bad.append(
                    f"{path}: {where}: field language: pairs_per_genre.{table} has no "
                    f"{row.language!r}"
                )
            found[table].append(row)
    if bad:
        raise SpecError("\n".join(bad))
    return found


def _name(raw: Mapping[str, Any]) -> str:
    said = (raw.get(key) for key in ("model", "language"))
    return plain(" ".join(text for text in said if isinstance(text, str)))[:80] or "no name"


def _tables(shape: Preference, rows: Mapping[str, list[Row]]) -> Iterator[PublishedTable]:
    for table in TABLES:
        counts: Mapping[Language, tuple[int, ...]] = getattr(shape.pairs_per_genre, table)
        for language in counts:
            own = tuple(
                PublishedRow(row.model, row.kind, row.accuracy_by_genre, row.avg, row.std)
                for row in rows[table]
                if row.language == language
            )
            yield PublishedTable(table, language, shape.genres, counts[language], own)


def _arenas(shape: Writing) -> Iterator[PublishedArena]:
    nothing: Cells = (None,) * len(shape.models)
    for language, wins in shape.win_rate_percent_row_beats_column.items():
        ratios, lengths = shape.ttr.get(language), shape.mean_output_length.get(language)
        answered = shape.english_prompts_answered_in_chinese_percent
        yield PublishedArena(
            language=language,
            models=shape.models,
            n=wins.n,
            wins=wins.matrix,
            ttr=ratios.mean if ratios else nothing,
            ttr_median=ratios.median if ratios else nothing,
            ttr_unit=ratios.unit if ratios else "",
            tokens=lengths.tokens if lengths else nothing,
            chars=lengths.chars if lengths else nothing,
            wrong_language=answered if answered and language == "en" else nothing,
        )
