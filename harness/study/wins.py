"""Who beats whom in a study, and by how much more in one language: ours beside the paper's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from harness.reports.tables import Column, Table, from_records
from harness.reports.text import BLANK, interval, percent, plural, points
from harness.specs import WritingSpec
from harness.study.published import Published

MODEL = Column("label", "model", "name")
_STAR = " *"
GAPS = (
    Column("label", "model against\nthe reference", "name"),
    Column("zh", "zh\nwin %", "percent"),
    Column("en", "en\nwin %", "percent"),
    Column("gap", "zh - en", "points"),
    Column("ci95", "bootstrap\n95%", "points_interval"),
    Column("paper", "paper:\nzh - en", "points"),
)


def matrix_tables(
    results: Mapping[str, Any], task: WritingSpec, paper: Published | None
) -> list[Table]:
    """Who beats whom in the task's language: ours with Wilson's intervals, then the paper's."""
    labels: Sequence[str] = results["labels"]
    found = []
    arena = results["arena"]
    numbers = _of_language(arena, task.language)
    if numbers is not None:
        cells = {
            (row, column): _ours(arena["runs"], numbers, row, column)
            for row in labels
            for column in labels
        }
        title = f"Win rates in {task.language} (ours)"
        starred = any(cell.endswith(_STAR) for cell in cells.values())
        differs = "with * differs" if starred else "differs"
        notes = [
            "How often the row beats the column, %, a tie half a win, with Wilson's 95 % interval; "
            f"{plural(numbers['prompts'], 'prompt')}.",
            f"{'A rate' if starred else 'No rate'} {differs} significantly from a half "
            "(p < 0.05 after Holm's correction over all pairs of the language).",
            *_verdict(results, numbers),
        ]
        found.append(_matrix(title, labels, cells, notes))
    if paper is not None and any(paper.rows(label) for label in labels):
        cells = {(row, column): _theirs(paper, row, column) for row in labels for column in labels}
        notes = [f"{paper.source}, {paper.prompts} prompts, people's rankings."]
        found.append(_matrix(f"Win rates in {task.language} (paper)", labels, cells, notes))
    return found


def _of_language(arena: Mapping[str, Any] | None, language: str) -> Mapping[str, Any] | None:
    if arena is None:
        return None
    found: Mapping[str, Any] | None = arena["languages"].get(language)
    return found


def _matrix(
    title: str,
    labels: Sequence[str],
    cells: Mapping[tuple[str, str], str],
    notes: Sequence[str],
) -> Table:
    columns = (MODEL, *(Column(label, label) for label in labels))
    rows = tuple((row, *(cells[row, column] for column in labels)) for row in labels)
    return Table(title, columns, rows, tuple(notes))


def _ours(runs: Sequence[str], numbers: Mapping[str, Any], row: str, column: str) -> str:
    if row == column or row not in runs or column not in runs:
        return BLANK
    a, b = runs.index(row), runs.index(column)
    rate = numbers["win_rate"][a][b]
    if rate is None:
        return BLANK
    p = _corrected(numbers)[a][b]
    star = _STAR if p is not None and p < 0.05 else ""
    return f"{percent(rate)} {interval(numbers['wilson95'][a][b])}{star}"


def _corrected(numbers: Mapping[str, Any]) -> Sequence[Sequence[float | None]]:
    """Holm's p: of whole prompts where several people judged each."""
    found: Sequence[Sequence[float | None]] = numbers.get("p_prompts_holm") or numbers["p_holm"]
    return found


def _theirs(paper: Published, row: str, column: str) -> str:
    cell = paper.win(row, column)
    return BLANK if cell is None else f"{percent(cell[0])} {interval(cell[1])}"


def _verdict(results: Mapping[str, Any], numbers: Mapping[str, Any]) -> list[str]:
    """What may be said of the models against the reference."""
    reference, runs = results["reference"], results["arena"]["runs"]
    if reference not in runs:
        return []
    better: list[str] = []
    worse: list[str] = []
    open_: list[str] = []
    b = runs.index(reference)
    for label in results["labels"]:
        if label == reference or label not in runs:
            continue
        a = runs.index(label)
        rate, p = numbers["win_rate"][a][b], _corrected(numbers)[a][b]
        if rate is None or p is None or p >= 0.05:
            open_.append(label)
        else:
            (better if rate > 0.5 else worse).append(label)
    groups = (("better", better), ("worse", worse), ("not told apart", open_))
    said = [f"{word}: {', '.join(names)}" for word, names in groups if names]
    return [f"Against {reference}: {'; '.join(said)}."] if said else []


def gap_table(results: Mapping[str, Any], papers: Mapping[str, Published | None]) -> list[Table]:
    """How much more often each model beats the reference in Chinese than in English."""
    reference, arena = results["reference"], results["arena"]
    if reference is None or arena is None:
        return []
    rows = []
    for row in arena.get("language_gap") or []:
        if reference not in row["runs"]:
            continue
        first = row["runs"][1] == reference
        rates = {name: side["win_rate"] for name, side in row["languages"].items()}
        gap, ends = row["gap"], row["gap_ci95"]
        if not first:
            rates = {name: None if r is None else 1 - r for name, r in rates.items()}
            gap = None if gap is None else -gap
            ends = None if ends is None else [-ends[1], -ends[0]]
        label = row["runs"][0 if first else 1]
        theirs = _paper_gap(papers, label, reference)
        rows.append({"label": label, "gap": gap, "ci95": ends, "paper": theirs} | rates)
    if not rows:
        return []
    order = {label: place for place, label in enumerate(results["labels"])}
    rows.sort(key=lambda row: order.get(row["label"], len(order)))
    notes = [f"Against {reference}: {_gaps_told(rows)}."]
    keys = [column.key for column in GAPS]
    table = from_records("", GAPS, rows)
    return [table.pick("The gap between the languages", keys, optional=("paper",), notes=notes)]


def _gaps_told(rows: Sequence[Mapping[str, Any]]) -> str:
    """Which gaps are there beyond doubt."""
    known = [row for row in rows if row["ci95"]]
    sure = [row for row in known if row["ci95"][0] > 0 or row["ci95"][1] < 0]
    if not known:
        return "too few prompts for an interval"
    if not sure:
        return "every interval holds zero, so no difference between the languages can be told"
    named = ", ".join(f"{row['label']} ({points(row['gap'])})" for row in sure)
    return f"the interval leaves out zero for {named}"


def _paper_gap(papers: Mapping[str, Published | None], label: str, reference: str) -> float | None:
    zh, en = papers.get("zh"), papers.get("en")
    if zh is None or en is None:
        return None
    cells = zh.win(label, reference), en.win(label, reference)
    if cells[0] is None or cells[1] is None:
        return None
    return cells[0][0] - cells[1][0]
