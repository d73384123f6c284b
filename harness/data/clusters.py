"""Which pairs hang together: connected components over shared prompts and texts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from harness.data.columns import Keys, columns
from harness.records import Pair


def clusters(pairs: Sequence[Pair]) -> NDArray[np.int64]:
    """The cluster of each pair, 0..C-1 in order of first appearance (docs/design.md 5.5).

    Two pairs are linked where they share the prompt_id, the exact prompt string or an exact
    response string, on whichever side; clusters are the connected components. Strings are told
    apart by 64 bits of their sha256, as texts are by their ids. Pairs and shared strings are the
    two kinds of nodes of one graph.
    """
    n = len(pairs)
    if not n:
        return np.zeros(0, dtype=np.int64)
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    known = columns(pairs)
    responses = np.concatenate([known.chosen_key, known.rejected_key])
    starts, ends, nodes = [], [], n
    for keys in (known.prompt_id_key, known.prompt_key, responses):
        places, numbers, shared = _shared(keys)
        starts.append((places % n).astype(np.int32))
        ends.append((numbers + nodes).astype(np.int32))
        nodes += shared
    edges = np.concatenate(starts), np.concatenate(ends)
    graph = coo_array((np.ones(len(edges[0]), np.int8), edges), shape=(nodes, nodes)).tocsr()
    labels = connected_components(graph, directed=False)[1][:n]
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    rank = np.empty(len(first), dtype=np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    return rank[inverse]


def _shared(keys: Keys) -> tuple[NDArray[np.int64], NDArray[np.int64], int]:
    """Where the keys stand that stand more than once, the number of each, and how many there
    are: what stands once links nothing."""
    _, number, counts = np.unique(keys, return_inverse=True, return_counts=True)
    several = counts > 1
    renumbered = np.cumsum(several) - 1
    places = np.flatnonzero(several[number])
    return places, renumbered[number[places]], int(several.sum())
