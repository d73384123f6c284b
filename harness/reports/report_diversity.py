"""`harness report --by diversity`: arenas, and runs that wrote whose texts people scored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.errors import DataError, UsageError
from harness.metrics.quality import diversity_and_quality, scored_texts
from harness.reports.diversity import diversity_rows, printed_diversity
from harness.reports.overall import Entry
from harness.reports.report_tables import joined
from harness.reports.runs import Found
from harness.reports.tables import Table
from harness.reports.writing_tables import tokenizer

NEEDED = (
    "--by diversity holds measures against quality: name an arena that a judge decided, or runs "
    "that wrote whose texts have human scores (a `score` a row in texts:FILE), several of a task "
    "for most tests"
)


@dataclass(frozen=True, slots=True)
class Judged:
    """Measures against quality: `name` is the task or the arena's folder."""

    name: str
    title: str
    found: Mapping[str, Any]


def judged_texts(found: Found, *, seed: int = 0) -> tuple[list[Judged], list[str]]:
    """Every task and arena that can be tested, and sentences on what cannot and is left out.

    UsageError where nothing can, DataError where the runs of a task cut words by two rules.
    """
    judged: list[Judged] = []
    wrote = [entries for entries in found.tasks if entries[0].wrote]
    out = ["runs over pairs measure no texts: left out"] if len(wrote) < len(found.tasks) else []
    for entries in wrote:
        numbers = _scored(entries, seed)
        if numbers is None:
            out.append(
                f"{entries[0].task}: no two texts for a prompt have unequal scores: left out"
            )
        else:
            judged.append(Judged(entries[0].task, entries[0].task, numbers))
    for arena in found.arenas:
        numbers = arena.results.get("diversity")
        if not numbers or not numbers["comparisons"]:
            out.append(f"arena {arena.name}: no measured text won or lost: left out")
        else:
            judged.append(Judged(arena.name, f"arena {arena.name}", numbers))
    if not judged:
        raise UsageError("; ".join([*(line.removesuffix(": left out") for line in out), NEEDED]))
    return judged, out


def _scored(entries: Sequence[Entry], seed: int) -> Mapping[str, Any] | None:
    """The scored texts of all runs of a task together; None where nothing can be compared."""
    cutters = {tokenizer(entry.results) for entry in entries}
    if len(cutters) > 1:
        raise DataError(
            f"{entries[0].task}: the runs cut words in two ways ({', '.join(map(str, cutters))}), "
            "so their measures cannot be held against each other: name runs of one --tokenizer"
        )
    rows = [row for entry in entries if entry.measures is not None for row in entry.measures()]
    numbers = diversity_and_quality(scored_texts(rows), seed=seed)
    return numbers if numbers["comparisons"] else None


def printed(judged: Sequence[Judged]) -> list[Table]:
    """Two tables each, for reading."""
    return [table for one in judged for table in printed_diversity(one.title, one.found)]


def tidy(judged: Sequence[Judged]) -> Table:
    """A row a measure of each task and arena."""
    return joined([diversity_rows(one.name, one.found) for one in judged])


def document(judged: Sequence[Judged]) -> dict[str, Any]:
    """The values themselves, `of` each task and arena."""
    return {"by": "diversity", "diversity": [{"of": one.name, **one.found} for one in judged]}
