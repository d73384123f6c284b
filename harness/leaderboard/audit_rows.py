"""Rows that share most cells: one of them may have been pasted over the other."""

from __future__ import annotations

from collections.abc import Sequence

from harness.leaderboard.audit_findings import Finding
from harness.leaderboard.published import Cells, PublishedTable


def repeats(table: PublishedTable, tables: Sequence[PublishedTable]) -> dict[int, list[Finding]]:
    """The finding about each row of a table, by its place, that shares most cells with another.

    Two rows of one language, of one table or of two, share most cells where more than half of
    them are printed alike (5 of 8) and these hold more than half of the pairs: cells over eleven
    pairs agree by chance. Two rows of equally good models still share as much about once in 50,000
    pairs of rows, so a finding is a reason to look, not a proof. Rows of two languages are counts
    over other pairs and are not compared. Both rows get the finding, for the digits do not tell
    which is the copy.
    """
    found: dict[int, list[Finding]] = {}
    for place, row in enumerate(table.rows):
        alike = [
            (len(shared), other.model)
            for one in tables
            if one.language == table.language and one.genres == table.genres
            for at, other in enumerate(one.rows)
            if (one is not table or at != place)
            and _most(shared := _shared(row.cells, other.cells), table)
        ]
        if alike:
            most, cells = max(count for count, _ in alike), len(table.genres)
            names = ", ".join(f"{name} ({count} of {cells} cells)" for count, name in alike)
            detail = f"the same digits as {names}"
            one_finding = Finding(row.model, table.language, "row", most, cells, "repeat", detail)
            found[place] = [one_finding]
    return found


def _shared(ours: Cells, theirs: Cells) -> list[int]:
    """Where both rows print the same."""
    pairs = enumerate(zip(ours, theirs, strict=True))
    return [place for place, (a, b) in pairs if a is not None and a == b]


def _most(shared: Sequence[int], table: PublishedTable) -> bool:
    enough = 2 * len(shared) > len(table.genres)
    return enough and 2 * sum(table.counts[place] for place in shared) > table.n
