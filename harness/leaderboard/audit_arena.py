"""The same for win rates: whole counts of prompts, and opposite cells that sum to 100."""

from __future__ import annotations

from collections.abc import Iterator

from harness.leaderboard.audit_counts import exact, unit
from harness.leaderboard.audit_findings import Finding, cell_finding, shown
from harness.leaderboard.published import PublishedArena

DECIMALS = 2


def audit_arena(arena: PublishedArena) -> Iterator[Finding]:
    """Cells that no count of prompts gives, opposite ones that do not sum to 100.

    One verdict a prompt and no ties, as the paper ranked. Type-token ratios and lengths are means
    of numbers that were not printed: nothing can be said of them.
    """
    for i, model in enumerate(arena.models):
        for j, other in enumerate(arena.models):
            value = arena.wins[i][j]
            if value is None:
                continue
            found = cell_finding(model, arena.language, other, value, [arena.n], DECIMALS)
            if found is not None:
                yield found
            opposite = arena.wins[j][i]
            if i < j and opposite is not None:
                yield from _opposites(arena, model, other, value, opposite)
        answered = arena.wrong_language[i]
        if answered is not None:
            cell = "wrong_language"
            found = cell_finding(model, arena.language, cell, answered, [arena.n], DECIMALS)
            if found is not None:
                yield found


def _opposites(
    arena: PublishedArena, model: str, other: str, value: float, opposite: float
) -> Iterator[Finding]:
    """Rounding both may leave 99.99 or 100.01."""
    total = exact(value) + exact(opposite)
    if abs(total - 100) > unit(DECIMALS):
        detail = f"with {shown(opposite)} the other way round it sums to {shown(float(total))}"
        yield Finding(model, arena.language, other, value, arena.n, "total", detail)
