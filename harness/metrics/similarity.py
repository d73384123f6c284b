"""Near-duplicates across prompts: does a writer tell one story whatever it is asked for?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from harness.metrics.table import FloatArray, IntArray
from harness.metrics.tokens import CodeArray, Numbered, Places

SHINGLE = 3
# 19 models' texts for 101 prompts reach 0.03; at 0.3, two equally long ones share near half
NEAR_DUPLICATE = 0.3
_ROWS = 256  # texts held against all others at once
_COMMON = 64  # a shingle that more texts hold costs less as a dense column
_COLUMNS = 1_024  # of them at once
_BUCKETS = 2_097_143  # a prime: keys are sums of products


def nearest(texts: Sequence[Numbered], groups: Sequence[str]) -> FloatArray:
    """The highest resemblance of each of N texts to a text of another group, (N,), from 0 to 1.

    `texts` are tokens as `numbered` gives them, `groups` their prompts. Resemblance is Jaccard's
    index of two sets of shingles, three tokens in a row each. Equal texts have 1, be they shorter
    than that; a text without tokens resembles nothing. 0 where there is no other group. Source:
    Broder, On the resemblance and containment of documents (1997); exact, without his sketches.
    """
    group = Places().of(groups).astype(np.int64)
    rows: dict[tuple[bytes, tuple[str, ...]], int] = {}
    row = np.array(
        [rows.setdefault((codes.tobytes(), tuple(types)), len(rows)) for codes, types in texts],
        np.int64,
    )
    first = np.unique(row, return_index=True)[1]  # one of each, in the order of their rows
    several = np.zeros(first.size, np.bool_)  # an equal text stands in another group
    several[row[group != group[first[row]]]] = True
    # whoever is in several groups is in another than any one
    own = np.where(several, -1 - np.arange(first.size), group[first])
    distinct = [texts[place] for place in first.tolist()]
    best = np.where(several, 1.0, _closest(distinct, own))
    best[[not types for _, types in distinct]] = 0.0
    return best[row]


def _closest(texts: Sequence[Numbered], group: IntArray) -> FloatArray:
    """For each of D distinct texts its highest resemblance to one of another group."""
    held, sizes = _shingles(texts)
    common = np.bincount(held.indices, minlength=held.shape[1]) > _COMMON
    rare, dense = held[:, ~common], held[:, common].tocsc()
    best = np.zeros(len(texts))
    for begin in range(0, len(texts), _ROWS):
        block = slice(begin, begin + _ROWS)
        both = (rare[block] @ rare.T).toarray()
        for column in range(0, dense.shape[1], _COLUMNS):
            part = dense[:, column : column + _COLUMNS].toarray()
            both += part[block] @ part.T
        either = sizes[block, None] + sizes - both
        resemblance = both / np.maximum(either, 1)
        resemblance[group[block, None] == group] = 0.0
        best[block] = resemblance.max(axis=1)
    return best


def _shingles(texts: Sequence[Numbered]) -> tuple[Any, IntArray]:
    """Which text holds which of the shingles that several hold, (D, S) sparse; all by text, (D,).

    Counts are float32: exact up to 16 million shingles, and multiplied fast.
    """
    from scipy import sparse

    owner, key = _keys(texts)
    # most stand in one place, and most of these have a bucket to themselves: not to be sorted
    bucket = (key % _BUCKETS).astype(np.int32)
    twice = (np.bincount(bucket, minlength=_BUCKETS) > 1)[bucket]
    del bucket
    _, shingle, counts = np.unique(key[twice], return_inverse=True, return_counts=True)
    twice[twice] = again = counts[shingle] > 1
    alone = np.bincount(owner[~twice], minlength=len(texts))
    _, column = np.unique(shingle[again], return_inverse=True)
    width = int(column.max(initial=-1)) + 1
    held = np.unique(owner[twice].astype(np.int64) * width + column)  # once a text, however often
    ones = np.ones(held.size, np.float32)
    shape = (len(texts), width)
    matrix = sparse.csr_array((ones, (held // max(width, 1), held % max(width, 1))), shape=shape)
    return matrix, alone + np.bincount(held // max(width, 1), minlength=len(texts))


def _keys(texts: Sequence[Numbered]) -> tuple[CodeArray, IntArray]:
    """Every shingle of all texts: whose it is and a number that equal ones share, (K,) each."""
    types = Places()
    parts = [types.of(own)[codes] for codes, own in texts]
    codes = np.concatenate([np.empty(0, np.int32), *parts])
    owner = np.repeat(np.arange(len(texts), dtype=np.int32), [part.size for part in parts])
    whole = owner[2:] == owner[:-2]  # three tokens of one text
    key = codes[:-2][whole].astype(np.int64)
    for place in (1, 2):
        if place == 2 and len(types) >= 1 << 21:  # three would not fit into 63 bits
            key = np.unique(key, return_inverse=True)[1].astype(np.int64)
        key *= len(types)
        key += codes[place : codes.size - 2 + place][whole]
    return owner[2:][whole], key
