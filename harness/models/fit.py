"""Holds texts to a model's length: refused all at once, or cut and marked."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from harness.errors import ModelError, TextsTooLong
from harness.models.base import Encoded


def fit(
    encoded: Sequence[Encoded],
    limit: int | None,
    truncate: str,
    *,
    bos: int | None,
    append: int | None = None,
) -> list[Encoded]:
    """Hold every text to the limit: refuse all that are over it at once, or cut and mark them.

    `left` keeps the end (and a leading BOS), `right` keeps the beginning (and the token `append`,
    which a recipe puts at the end because the score is read there). A text without any
    token has no place a score could be read at.
    """
    for item in encoded:
        if not item.n_tokens:
            raise ModelError(
                f"the text {item.candidate.text[:40]!r} becomes no token at all; a recipe whose "
                "template has more than the text, or `bos: one`, gives it some"
            )
    if limit is None:
        return list(encoded)
    long = [item for item in encoded if item.n_tokens > limit]
    if not long:
        return list(encoded)
    if truncate == "error":
        worst = max(long, key=lambda item: item.n_tokens)
        raise TextsTooLong(
            ids=tuple(item.candidate.id for item in long),
            of=len(encoded),
            limit=limit,
            longest=worst.n_tokens,
            begins=worst.candidate.text[:40],
        )
    return [
        _cut(item, limit, truncate, bos, append) if item.n_tokens > limit else item
        for item in encoded
    ]


def _cut(item: Encoded, limit: int, side: str, bos: int | None, append: int | None) -> Encoded:
    rows, starts = [], []
    for ids, start in zip(item.ids, item.starts, strict=True):
        over = len(ids) - limit
        if over <= 0:
            kept, begin = ids, start
        elif side == "right" and append is not None:
            kept, begin = np.concatenate([ids[: limit - 1], ids[-1:]]), min(start, limit)
        elif side == "right":
            kept, begin = ids[:limit], min(start, limit)
        elif bos is not None and len(ids) and ids[0] == bos:
            kept, begin = np.concatenate([ids[:1], ids[over + 1 :]]), max(1, start - over)
        else:
            kept, begin = ids[over:], max(0, start - over)
        rows.append(kept)
        starts.append(begin)
    return Encoded(item.candidate, tuple(rows), tuple(starts), max(map(len, rows)), True)
