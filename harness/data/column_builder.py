"""Texts of pairs -> their columns: every text is read, hashed and let go."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from hashlib import sha256
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from harness.data.columns import PairColumns
from harness.data.quirks import SHORT_PROMPT, only_space_apart
from harness.data.strings import Strings, StringsBuilder
from harness.metrics.codes import Numbering
from harness.records import Language, Pair, Side

if TYPE_CHECKING:
    import hashlib

_NAN = float("nan")
_Codes: TypeAlias = tuple[NDArray[np.int32], tuple[str, ...]]


class ColumnsBuilder:
    """Columns that grow pair by pair; the ids of the pairs are given at the end."""

    def __init__(self) -> None:
        self._tags, self._genres, self._models = Numbering(), Numbering(), Numbering()
        self._languages: dict[Language, int] = {}
        self._prompt_id = StringsBuilder()
        self._tag, self._genre, self._language = array("i"), array("i"), array("i")
        self._row, self._prompt_chars = array("q"), array("q")
        self._prompt_id_key, self._prompt_key = array("Q"), array("Q")
        self._short, self._apart = array("b"), array("b")
        self._chosen, self._rejected = _Sides(self._models), _Sides(self._models)

    def add(self, pair: Pair) -> None:
        """Append what is kept of a pair."""
        prompt = _bytes(pair.prompt)
        begin = sha256(b"%b\0%b\0" % (pair.language.encode(), prompt))
        self._chosen.add(pair.chosen, begin.copy())
        self._rejected.add(pair.rejected, begin)
        self._prompt_id.add(pair.prompt_id)
        self._prompt_id_key.append(_key(sha256(_bytes(pair.prompt_id)).digest()))
        self._prompt_key.append(_key(sha256(prompt).digest()))
        self._prompt_chars.append(len(pair.prompt))
        self._tag.append(self._tags[pair.tag])
        self._genre.append(self._genres[pair.genre])
        self._language.append(self._languages.setdefault(pair.language, len(self._languages)))
        self._row.append(pair.row)
        self._short.append(len(pair.prompt.strip()) < SHORT_PROMPT)
        self._apart.append(only_space_apart(pair.chosen.response, pair.rejected.response))

    def done(self, pair_id: Strings) -> PairColumns:
        """The columns; the builder takes no more."""
        tag, tags = _named(self._tags, self._tag)
        genre, genres = _named(self._genres, self._genre)
        chosen_model, models = _named(self._models, self._chosen.model)
        rejected_model, _ = _named(self._models, self._rejected.model)
        return PairColumns(
            pair_id=pair_id,
            prompt_id=self._prompt_id.done(),
            tag=tag,
            tags=tags,
            genre=genre,
            genres=genres,
            language=np.frombuffer(self._language, np.int32),
            languages=tuple(self._languages),
            chosen_id=np.frombuffer(self._chosen.id, np.uint64),
            rejected_id=np.frombuffer(self._rejected.id, np.uint64),
            prompt_id_key=np.frombuffer(self._prompt_id_key, np.uint64),
            prompt_key=np.frombuffer(self._prompt_key, np.uint64),
            chosen_key=np.frombuffer(self._chosen.key, np.uint64),
            rejected_key=np.frombuffer(self._rejected.key, np.uint64),
            prompt_chars=np.frombuffer(self._prompt_chars, np.int64),
            chosen_chars=np.frombuffer(self._chosen.chars, np.int64),
            rejected_chars=np.frombuffer(self._rejected.chars, np.int64),
            chosen_model=chosen_model,
            rejected_model=rejected_model,
            models=models,
            chosen_score=np.frombuffer(self._chosen.score, np.float64),
            rejected_score=np.frombuffer(self._rejected.score, np.float64),
            row=np.frombuffer(self._row, np.int64),
            short_prompt=np.frombuffer(self._short, np.bool_),
            only_space_apart=np.frombuffer(self._apart, np.bool_),
        )


class _Sides:
    """What is kept of one side of all pairs."""

    def __init__(self, models: Numbering) -> None:
        self._models = models
        self.id, self.key, self.chars = array("Q"), array("Q"), array("q")
        self.model, self.score = array("i"), array("d")

    def add(self, side: Side, begin: hashlib._Hash) -> None:
        text = _bytes(side.response)
        begin.update(text)
        self.id.append(_key(begin.digest()))
        self.key.append(_key(sha256(text).digest()))
        self.chars.append(len(side.response))
        self.model.append(self._models[side.model])
        self.score.append(_NAN if side.score is None else side.score)


def columns_of_texts(pairs: Sequence[Pair]) -> PairColumns:
    """The columns of pairs, worked out by one pass over their texts."""
    builder, ids = ColumnsBuilder(), StringsBuilder()
    for pair in pairs:
        ids.add(pair.pair_id)
        builder.add(pair)
    return builder.done(ids.done())


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _key(digest: bytes) -> int:
    return int.from_bytes(digest[:8], "big")


def _named(names: Numbering, column: array[int]) -> _Codes:
    """Codes into sorted names, -1 for None."""
    codes, known = names.sorted(column)
    return codes.astype(np.int32), known
