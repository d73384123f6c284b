"""Which reported numbers can't be right: no count over their pairs gives them (docs/design.md 4.6).

It reads a table as its paper prints it and knows nothing of the models: a finding says that the
digits do not fit together, not why.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from fractions import Fraction
from typing import Any

from harness.leaderboard.audit_arena import audit_arena
from harness.leaderboard.audit_counts import (
    exact,
    rounded,
    sum_range,
    unit,
    weighted_mean,
)
from harness.leaderboard.audit_findings import Finding, Kind, cell_finding, shown
from harness.leaderboard.audit_rows import repeats
from harness.leaderboard.published import Published, PublishedRow, PublishedTable
from harness.records import Language
from harness.reports.tables import Column, Table, from_records

DECIMALS = 1  # of accuracies, their average and their SD
UNIT = unit(DECIMALS)
FAILING = ("impossible_cell", "impossible_average", "total")
COLUMNS = (
    Column("row", "row", "name"),
    Column("language", "lang"),
    Column("cell", "cell"),
    Column("value", "value"),
    Column("n", "n", "count"),
    Column("finding", "finding"),
    Column("detail", "what is wrong", "name"),
)


def audit(published: Published) -> list[Finding]:
    """Every finding, table by table, row by row.

    `impossible_cell`: no whole k has |100k/n - v| < 0.1, n being the pairs of the genre under any
    table's map of the same language. `impossible_average`: further than 0.1 from the mean of the
    printed cells weighted by pairs, under every map. `suspicious`: ordinary rounding (half up or
    half even) alone cannot give it, but cutting off or rounding twice can; or an average that only
    another table's map gives. `std`: neither the population nor the sample SD of the printed cells
    within rounding. `repeat`: see audit_rows. `total`: pairs that do not sum to the whole, win
    rates that do not sum to 100.
    """
    found = list(_totals(published))
    for table in published.tables:
        others = [
            one.counts
            for one in published.tables
            if one.language == table.language and one.counts != table.counts
        ]
        maps = [table.counts, *dict.fromkeys(others)]
        again = repeats(table, published.tables)
        for place, row in enumerate(table.rows):
            found += _cells(table, row, maps)
            found += _average(table, row, maps)
            found += _std(table, row)
            found += again.get(place, [])
    for arena in published.arenas:
        found += audit_arena(arena)
    return found


def fails(findings: Iterable[Finding]) -> bool:
    """Whether a check has to fail: only for what cannot be, not for what looks odd."""
    return any(one.finding in FAILING for one in findings)


def findings_json(findings: Iterable[Finding]) -> list[dict[str, Any]]:
    """The list that --format json prints (docs/design.md 4.6), with `detail` added."""
    return [asdict(one) for one in findings]


def findings_table(findings: Sequence[Finding], title: str = "Audit") -> Table:
    """The same as a table for the terminal and for Markdown; what it comes to stands below it."""
    by_kind: dict[str, int] = {}
    for one in findings:
        by_kind[one.finding] = by_kind.get(one.finding, 0) + 1
    counted = ", ".join(f"{count} {kind}" for kind, count in sorted(by_kind.items()))
    records = ({**asdict(one), "value": shown(one.value)} for one in findings)
    table = from_records(title, COLUMNS, records)
    return Table(table.title, table.columns, table.rows, (f"Findings: {counted or 'none'}.",))


def _totals(published: Published) -> Iterator[Finding]:
    """Pairs per genre against all pairs: as the paper says, else as the other table has it."""
    stated: Mapping[Language, int] = dict(published.pairs)
    for table in published.tables:
        whole = stated.get(table.language)
        others = [t.n for t in published.tables if t.language == table.language and t is not table]
        expected = [whole] if whole is not None else others
        wrong = next((n for n in expected if n != table.n), None)
        if wrong is not None:
            source = "the paper's total" if whole is not None else "the sum in the other table"
            detail = f"the genres hold {table.n:,} pairs; {source} is {wrong:,}"
            yield Finding(table.name, table.language, "row", table.n, wrong, "total", detail)


def _cells(
    table: PublishedTable, row: PublishedRow, maps: Sequence[Sequence[int]]
) -> Iterator[Finding]:
    for place, (genre, value) in enumerate(zip(table.genres, row.cells, strict=True)):
        if value is not None:
            ns = list(dict.fromkeys(counts[place] for counts in maps))
            found = cell_finding(row.model, table.language, genre, value, ns, DECIMALS)
            if found is not None:
                yield found


def _average(
    table: PublishedTable, row: PublishedRow, maps: Sequence[Sequence[int]]
) -> Iterator[Finding]:
    """Nothing where a cell is missing or the table has no pair."""
    values = [exact(cell) for cell in row.cells if cell is not None]
    usable = [counts for counts in maps if sum(counts)]
    if row.avg is None or len(values) < len(row.cells) or not table.n:
        return
    printed = exact(row.avg)
    means = [weighted_mean(values, counts) for counts in usable]
    fits = [abs(printed - mean) <= UNIT for mean in means]
    own, *others = (f"{float(mean):.1f}" for mean in means)
    if not any(fits):
        kind: Kind = "impossible_average"
        over = f" ({', '.join(others)} over another table's pairs)" if others else ""
        detail = f"the cells weighted by pairs come to {own}{over}"
    elif not fits[0]:
        kind = "suspicious"
        detail = f"the cells weighted by pairs come to {own}; only another table's pairs give it"
    else:
        total = sum(usable[0])
        ends = sum_range(zip(values, usable[0], strict=True), DECIMALS)
        if ends is None or _overlap(ends, rounded(printed, total, DECIMALS)):
            return
        kind = "suspicious"
        detail = (
            f"the counts behind the cells give {_ends(ends, total)}, which does not round to it"
        )
    yield Finding(row.model, table.language, "avg", row.avg, table.n, kind, detail)


def _overlap(ends: tuple[int, int], counts: range) -> bool:
    return bool(counts) and ends[0] <= counts[-1] and counts[0] <= ends[1]


def _ends(ends: tuple[int, int], total: int) -> str:
    low, high = (f"{100 * k / total:.2f}" for k in ends)
    return low if low == high else f"{low} to {high}"


def _std(table: PublishedTable, row: PublishedRow) -> Iterator[Finding]:
    """The SD over genres, by both definitions; nothing under two cells."""
    values = [exact(cell) for cell in row.cells if cell is not None]
    m = len(values)
    if row.std is None or m < 2 or m < len(row.cells):
        return
    mean = sum(values, Fraction()) / m
    population = math.sqrt(float(sum(((v - mean) ** 2 for v in values), Fraction()) / m))
    # Half a unit of rounding in the cells moves an SD by as much (times m / (m - 1) under the
    # root for the sample's), half a unit more is the SD's own: 0.1 in all, 0.103 for 8 cells.
    bessel = math.sqrt(m / (m - 1))
    half = float(UNIT / 2)
    if any(
        abs(population * factor - row.std) <= half * factor + half + 1e-9
        for factor in (1.0, bessel)
    ):
        return
    detail = (
        f"the SD of the printed cells is {population:.1f} (population) or "
        f"{population * bessel:.1f} (sample)"
    )
    yield Finding(row.model, table.language, "std", row.std, m, "std", detail)
