"""The tables with one row a model: accuracy, spread over genres, failures, order, length."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.metrics.table import PairTable, VerdictTable
from harness.records import Measures
from harness.reports.judge_tables import (
    JUDGE,
    REPEATS,
    SELF,
    judge_record,
    printed_rules,
    repeats_table,
    rule_table,
    self_table,
)
from harness.reports.tables import Column, Table, from_records
from harness.reports.text import plural

# what a row of groups (genres, tags, bands) and a row of models both have
ACCURACY = (
    Column("n", "n", "count"),
    Column("clusters", "clusters", "count"),
    Column("accuracy", "accuracy\n%", "percent"),
    Column("ci95", "bootstrap\n95%", "interval"),
    Column("wilson95", "Wilson\n95%", "interval"),
)
OVERALL = (
    Column("task", "task"),
    Column("language", "language"),
    Column("model", "model", "name"),
    Column("run", "run"),
    *JUDGE,
    Column("data", "data"),
    Column("data_sha256", "data sha256"),
    Column("data_replaced", "data replaced"),
    *ACCURACY,
    Column("prompts", "prompts", "count"),
    Column("accuracy_half", "ties as\nhalf %", "percent"),
    Column("accuracy_both", "both\norders %", "percent"),
    Column("accuracy_valid", "of valid\n%", "percent"),
    Column("macro_accuracy", "macro %", "percent"),
    Column("genre_std", "SD over\ngenres", "percent"),
    Column("genre_std_noise", "SD by\nchance", "percent"),
    Column("genre_heterogeneity_p", "p", "p"),
    Column("ties", "ties", "count"),
    Column("unparsed", "unparsed", "count"),
    Column("errors", "errors", "count"),
    Column("truncated", "truncated", "count"),
    Column("coverage", "coverage\n%", "percent"),
    Column("bounds", "bounds\n%", "interval"),
    Column("first_pick_rate", "picks\nfirst %", "percent"),
    Column("consistency", "same in both\norders %", "percent"),
    Column("longer_accuracy", "always\nlonger %", "percent"),
    Column("longer_agreement", "picks\nlonger %", "percent"),
    Column("accuracy_longer_chosen", "right if\nlonger %", "percent"),
    Column("accuracy_shorter_chosen", "right if\nshorter %", "percent"),
    Column("length_balanced_accuracy", "balanced\n%", "percent"),
    *REPEATS,
    *SELF,
)


@dataclass(frozen=True, slots=True)
class Entry:
    """A finished run as a row.

    `label` tells it from its neighbours, `run` is its folder's name. What does not stand in
    results.json takes seconds for a million lines and is read only where it is asked for: by
    `tables` for a run over pairs, by `measures` for one that wrote.
    """

    label: str
    run: str
    results: Mapping[str, Any]
    tables: Callable[[], tuple[PairTable, VerdictTable]] | None = None
    measures: Callable[[], list[Measures]] | None = None

    @property
    def task(self) -> str:
        return str(self.results["task"])

    @property
    def wrote(self) -> bool:
        """Whether it is a run of a writing task."""
        return self.results.get("kind") == "writing"

    @property
    def accuracy(self) -> float:
        return float(self.results["metrics"].get("accuracy") or 0.0)


def labels(runs: Sequence[tuple[str, Mapping[str, Any]]]) -> list[str]:
    """Names that tell the runs of one table apart; (folder name, results) in.

    The model's name alone where that is enough, then the judge's behind it, then the eight hex
    digits that end the folder's name.
    """
    short = [str(results["model"]["name"]) for _, results in runs]
    longer = [
        f"{name}, {results['judge']['name']}" if results.get("judge") else name
        for name, (_, results) in zip(short, runs, strict=True)
    ]
    longest = [
        f"{name} ({run.rpartition('-')[2]})" for name, (run, _) in zip(longer, runs, strict=True)
    ]
    found = short
    for fuller in (longer, longest):
        times = Counter(found)
        found = [new if times[old] > 1 else old for old, new in zip(found, fuller, strict=True)]
    return found


def make_entries(
    runs: Sequence[tuple[str, Mapping[str, Any]]],
    tables: Sequence[Callable[[], tuple[PairTable, VerdictTable]]] | None = None,
    measures: Sequence[Callable[[], list[Measures]]] | None = None,
) -> list[Entry]:
    """(folder name, results) of the runs of one task as rows, best first, equally good by name."""
    found = [
        Entry(
            label,
            name,
            results,
            tables[place] if tables else None,
            measures[place] if measures else None,
        )
        for place, (label, (name, results)) in enumerate(zip(labels(runs), runs, strict=True))
    ]
    return sorted(found, key=lambda entry: (-entry.accuracy, entry.label))


def overall_table(entries: Sequence[Entry]) -> Table:
    """Every column of every run; what CSV and JSON hold, and what the printed tables pick from."""
    return from_records("", OVERALL, [_record(entry) for entry in entries])


def _record(entry: Entry) -> dict[str, Any]:
    results = entry.results
    return dict(results["metrics"]) | {
        "task": results["task"],
        "language": results["language"],
        "model": entry.label,
        "run": entry.run,
        **judge_record(results),
        "data": results["data"]["file"],
        "data_sha256": results["data"]["sha256"],
        "data_replaced": bool(results["data"].get("replaced")),
        **{key: results["data"].get(key) for key in ("n", "prompts", "clusters")},
    }


_LENGTH = (
    "longer_agreement",
    "accuracy_longer_chosen",
    "accuracy_shorter_chosen",
    "length_balanced_accuracy",
    "longer_accuracy",
)


def overall_tables(entries: Sequence[Entry]) -> list[Table]:
    """The printed form: narrow tables that fit a terminal, all with a row a model."""
    everything = overall_table(entries)
    task = entries[0].task
    failed = any(everything.values("unparsed") + everything.values("errors"))
    tables = [
        everything.pick(
            f"{task} ({entries[0].results['language']}): accuracy",
            ("model", "n", "accuracy", "ci95", "wilson95", "accuracy_half"),
            notes=[*data_notes(entries), INTERVALS],
        ),
        everything.pick(
            f"{task}: spread over genres",
            ("model", "macro_accuracy", "genre_std", "genre_std_noise", "genre_heterogeneity_p"),
            notes=[GENRE_SPREAD],
        ),
        everything.pick(
            f"{task}: failures",
            ("model", "ties", "unparsed", "errors", "truncated", "coverage")
            + (("bounds",) if failed else ()),
            optional=("truncated",),
            notes=[BOUNDS] if failed else [],
        ),
        everything.pick(
            f"{task}: length",
            ("model", *_LENGTH),
            notes=[LENGTH],
        ),
    ]
    if any(rate is not None for rate in everything.values("first_pick_rate")):
        keys = ("model", "first_pick_rate", "consistency", "accuracy_both")
        tables.insert(3, everything.pick(f"{task}: order", keys))
    rules = rule_table([(entry.label, entry.run, entry.results) for entry in entries])
    tables[1:1] = printed_rules(rules, task, several=len(entries) > 1)
    return [*tables, *repeats_table(everything, task), *self_table(everything, task)]


INTERVALS = (
    "bootstrap: over clusters, pairs that share a prompt or a text. Wilson's interval takes every "
    "pair as independent."
)
GENRE_SPREAD = (
    "macro: the mean over genres. SD by chance: the SD that genres of these sizes would show if "
    "the model were equally good at all of them; a small p says that it is not."
)
BOUNDS = "bounds: accuracy with every unparsed and failed verdict wrong, and with every one right."
LENGTH = (
    "right if longer, shorter: accuracy where the chosen text is that; balanced: the mean of the "
    "two. always longer: what picking the longer text would score."
)


def data_notes(entries: Sequence[Entry]) -> list[str]:
    """What the rows were measured on, and a warning where it is not the same for all."""
    seen: dict[tuple[Any, ...], list[str]] = {}
    for entry in entries:
        data = entry.results["data"]
        counts = (data["n"], data["prompts"], data["clusters"])
        key = (data["file"], data["sha256"], *counts, bool(data.get("replaced")))
        seen.setdefault(key, []).append(entry.label)
    lines = []
    for (file, sha256, n, prompts, clusters, replaced), labels in seen.items():
        line = (
            f"{file} (sha256 {sha256[:8]}): {plural(n, 'pair')}, {plural(prompts, 'prompt')}, "
            f"{plural(clusters, 'cluster')}"
        )
        line += "; --data replaced the task's own file" if replaced else ""
        lines.append(f"{', '.join(labels)}: {line}." if len(seen) > 1 else f"{line}.")
    if len(seen) > 1:
        lines.insert(0, "Not the same pairs in every row, so rows cannot be held side by side:")
    return lines
