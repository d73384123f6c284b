"""Which pairs hang together: connected components over shared prompts and texts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from harness.records import Pair


def clusters(pairs: Sequence[Pair]) -> NDArray[np.int64]:
    """The cluster of each pair, 0..C-1 in order of first appearance (docs/design.md 5.5).

    Two pairs are linked where they share the prompt_id, the exact prompt string or an exact
    response string, on whichever side; clusters are the connected components. Linear in the
    number of pairs: pairs and keys are the two kinds of nodes of one graph.
    """
    if not pairs:
        return np.zeros(0, dtype=np.int64)
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    keys: dict[tuple[str, str], int] = {}
    ends: list[int] = []
    for pair in pairs:
        for key in (
            ("prompt_id", pair.prompt_id),
            ("prompt", pair.prompt),
            ("response", pair.chosen.response),
            ("response", pair.rejected.response),
        ):
            ends.append(keys.setdefault(key, len(keys)))
    n = len(pairs)
    starts = np.repeat(np.arange(n), 4)
    size = n + len(keys)
    edges = coo_array((np.ones(4 * n, np.int8), (starts, n + np.array(ends))), shape=(size, size))
    _, labels = connected_components(edges.tocsr(), directed=False)
    _, first, inverse = np.unique(labels[:n], return_index=True, return_inverse=True)
    rank = np.empty(len(first), dtype=np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    return rank[inverse]
