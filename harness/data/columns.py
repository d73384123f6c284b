"""What is needed of pairs without their texts, as compact columns: ids, lengths, genres, keys."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from harness.data.kept import KeptPairs
from harness.data.strings import Strings
from harness.records import Language, Pair

Keys: TypeAlias = NDArray[np.uint64]
Ints: TypeAlias = NDArray[np.int64]
Codes: TypeAlias = NDArray[np.int32]
Floats: TypeAlias = NDArray[np.float64]
Flags: TypeAlias = NDArray[np.bool_]
Head: TypeAlias = tuple[str, str, str, str, Language]

_CHUNK = 4096  # rows made into Python objects at once


@dataclass(frozen=True, slots=True)
class PairColumns:
    """N pairs in the order of their file; every column has N rows, some 200 bytes a pair in all.

    `tag`, `genre`, `language` and `*_model` are codes into the names beside them, -1 for an unknown
    model. `chosen_id` and `rejected_id` are the 16 hex digits of `candidate(...).id` as a number.
    `*_key` are the first 8 bytes of the sha256 of a string, equal where the strings are: of the
    prompt_id, the prompt, both responses. `*_chars` are lengths of the unstripped strings,
    `*_score` human scores, nan where there is none. `row` is the row of the file, from 1.
    `short_prompt` and `only_space_apart` are quirks that only the texts show.
    """

    pair_id: Strings
    prompt_id: Strings
    tag: Codes
    tags: tuple[str, ...]
    genre: Codes
    genres: tuple[str, ...]
    language: Codes
    languages: tuple[Language, ...]
    chosen_id: Keys
    rejected_id: Keys
    prompt_id_key: Keys
    prompt_key: Keys
    chosen_key: Keys
    rejected_key: Keys
    prompt_chars: Ints
    chosen_chars: Ints
    rejected_chars: Ints
    chosen_model: Codes
    rejected_model: Codes
    models: tuple[str, ...]
    chosen_score: Floats
    rejected_score: Floats
    row: Ints
    short_prompt: Flags
    only_space_apart: Flags

    def __len__(self) -> int:
        return len(self.row)

    def take(self, rows: Ints) -> PairColumns:
        """The columns of these places, in their order."""
        taken: dict[str, Any] = {
            field.name: column[rows] if isinstance(column, np.ndarray) else column.take(rows)
            for field in fields(self)
            if isinstance(column := getattr(self, field.name), np.ndarray | Strings)
        }
        return replace(self, **taken)

    def models_of(self, codes: Codes) -> list[str | None]:
        """The names of source models, None for an unknown one."""
        names = (*self.models, None)  # -1 is the last
        return [names[code] for code in codes.tolist()]

    def heads(self) -> Iterator[Head]:
        """`Pair.head` of every pair: pair_id, prompt_id, tag, genre, language."""
        names = zip(self.pair_id, self.prompt_id, strict=True)
        for start in range(0, len(self), _CHUNK):
            end = start + _CHUNK
            for tag, genre, language in zip(
                self.tag[start:end].tolist(),
                self.genre[start:end].tolist(),
                self.language[start:end].tolist(),
                strict=True,
            ):
                pair_id, prompt_id = next(names)
                yield (
                    pair_id,
                    prompt_id,
                    self.tags[tag],
                    self.genres[genre],
                    self.languages[language],
                )


def columns(pairs: Sequence[Pair]) -> PairColumns:
    """The columns of pairs of any kind: those they carry, or worked out from their texts."""
    from harness.data.column_builder import columns_of_texts
    from harness.data.file_pairs import FilePairs

    if isinstance(pairs, FilePairs | KeptPairs):
        return pairs.columns
    return columns_of_texts(pairs)


def text_ids(pairs: Sequence[Pair]) -> tuple[Keys, Keys]:
    """(N), (N): `candidate(...).id` of the chosen and the rejected text of every pair, each the
    number its 16 hex digits say; in the order of the pairs."""
    known = columns(pairs)
    return known.chosen_id, known.rejected_id


def taken(pairs: Sequence[Pair], rows: Ints) -> Sequence[Pair]:
    """The pairs at these places, in their order, as a sequence of the same kind."""
    from harness.data.file_pairs import FilePairs

    if len(rows) == len(pairs) and (rows == np.arange(len(pairs))).all():
        return pairs
    if isinstance(pairs, FilePairs):
        return pairs.take(rows)
    return KeptPairs(pairs[row] for row in rows.tolist())
