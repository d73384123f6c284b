"""The rows that papers report, beside those that were recomputed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from harness.leaderboard.published import Published, PublishedArena, PublishedRow, PublishedTable
from harness.leaderboard.rows import Row, page_name
from harness.metrics.bradley_terry import connected, rank_ranges
from harness.metrics.paired import holm
from harness.metrics.preference import UNDERPOWERED
from harness.metrics.uncertainty import as_list, wilson95
from harness.metrics.wins import Counts, PairTests, count_matrices, met, p_matrices

AS_PRINTED = ("numbers", "as printed; nothing was recomputed, so there is no rank")


def reported_rows(published: Published | None, language: str) -> list[Row]:
    """Rows of a paper's tables over pairs: shares are the printed percentages / 100, n is the
    table's own number of pairs, the interval is Wilson's alone."""
    if published is None:
        return []
    return [
        _over_pairs(row, table)
        for table in published.tables
        if table.language == language
        for row in table.rows
    ]


def _over_pairs(row: PublishedRow, table: PublishedTable) -> Row:
    average = _share(row.avg)
    sizes = zip(table.genres, table.counts, row.cells, strict=True)
    genres = {name: _genre(n, _share(cell)) for name, n, cell in sizes}
    known = [genre["accuracy"] for genre in genres.values() if genre["accuracy"] is not None]
    return Row(
        kind="reported",
        name=row.model,
        page=page_name("reported", row.model, f"{table.name} {row.model}"),
        numbers={
            "model": row.model,
            "source": table.title,
            "n": table.n,
            "accuracy": average,
            "wilson95": None if average is None else _wilson(average, table.n),
            "macro_accuracy": sum(known) / len(known) if known else None,
            "genre_std": _share(row.std),
        },
        genres=genres,
        facts=(("reported in", table.title), ("kind", row.kind.replace("_", " ")), AS_PRINTED),
    )


def _genre(n: int, accuracy: float | None) -> dict[str, Any]:
    ends = None if accuracy is None else _wilson(accuracy, n)
    return {
        "n": n,
        "accuracy": accuracy,
        "wilson95": ends,
        "underpowered": ends is not None and (ends[1] - ends[0]) / 2 > UNDERPOWERED,
    }


def _wilson(share: float, n: int) -> list[float] | None:
    return as_list(wilson95(share * n, n))


def _share(percent: float | None) -> float | None:
    return None if percent is None else percent / 100


def reported_writers(published: Published | None, language: str) -> list[Row]:
    """Rows of a paper's tables over texts: means and medians as printed."""
    found = []
    for arena in published.arenas if published else ():
        if arena.language == language:
            found += [_writer(arena, place) for place in range(len(arena.models))]
    return found


def _writer(arena: PublishedArena, place: int) -> Row:
    name = arena.models[place]
    return Row(
        kind="reported",
        name=name,
        page=page_name("reported", name, name),
        numbers={
            "model": name,
            "texts": arena.n,
            "ttr": arena.ttr[place],
            "ttr_median": arena.ttr_median[place],
            "tokens": arena.tokens[place],
            "chars": arena.chars[place],
            "wrong_language": _share(arena.wrong_language[place]),
        },
        genres={},
        facts=(("TTR over", arena.ttr_unit or "not stated"), AS_PRINTED),
    )


def reported_arenas(published: Published | None, language: str) -> Iterator[Mapping[str, Any]]:
    """A paper's win rates as the numbers of an arena, recounted from the printed percentages.

    One forced verdict a prompt and no ties, so each cell is a whole count of its n: `wilson95`,
    `p` (exact binomial) and `p_holm` follow. What needs the single verdicts (strengths'
    intervals, ranks by prompts) is null; `bradley_terry` holds no strengths.
    """
    for arena in published.arenas if published else ():
        if arena.language == language:
            yield _recounted(arena)


def _recounted(arena: PublishedArena) -> dict[str, Any]:
    m = len(arena.models)
    rates = np.array([[0.0 if v is None else v / 100 for v in row] for row in arena.wins])
    others = ~np.eye(m, dtype=bool)
    wins = np.where(others, np.rint(rates * arena.n), 0).astype(np.int64)
    nothing = np.zeros((m, m), np.int64)
    counts = Counts(wins + wins.T, wins, nothing, nothing)
    tests = _tests(counts)
    matrices = count_matrices(counts)
    return {
        "runs": list(arena.models),
        **matrices,
        "win_ci95": [[None] * m for _ in range(m)],
        **p_matrices(tests, m),
        "bradley_terry": {
            name: {"strength": None, "expected": None, "ci95": None, "rank": rank}
            for name, rank in zip(arena.models, rank_ranges(m, tests), strict=True)
        },
        "connected": connected(counts.n > 0),
        "prompts": arena.n,
        "units": int(np.triu(counts.n).sum()),
    }


def _tests(counts: Counts) -> PairTests:
    """The exact binomial of every two runs, as metrics.wins has it for units without ties."""
    from scipy.special import bdtr

    first, second = met(counts)
    ahead, behind = counts.wins[first, second], counts.wins[second, first]
    p = np.minimum(2 * bdtr(np.minimum(ahead, behind), ahead + behind, 0.5), 1.0)
    return PairTests(first, second, ahead - behind, p, np.array(holm(p.tolist())), None, None)
