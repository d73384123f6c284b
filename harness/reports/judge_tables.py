"""What only judges have: further verdict rules, repeats, self-preference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from harness.reports.tables import Column, Table, from_records, nested

# columns of the table with a row a run
JUDGE = (
    Column("judge", "judge"),
    Column("judge_sha256", "judge sha256"),
    Column("judge_kind", "judge kind"),
    Column("orders", "orders"),
)
REPEATS = (
    Column("repeats", "repeats", "count"),
    Column("majority_accuracy", "majority\n%", "percent"),
    Column("repeat_agreement", "repeats\nagree %", "percent"),
    Column("repeat_std", "SD over\nrepeats", "percent"),
)
SELF = (
    Column("self_family", "family"),
    Column("self_n", "n", "count"),
    Column("self_picked_by_people", "people\npick %", "percent"),
    Column("self_picked_by_model", "judge\npicks %", "percent"),
    Column("self_favour", "favour", "points"),
    Column("self_ci95", "favour\n95%", "points_interval"),
    Column("self_balanced_favour", "balanced", "points"),
    Column("self_balanced_ci95", "balanced\n95%", "points_interval"),
)
RULES = (
    Column("task", "task"),
    Column("model", "model", "name"),
    Column("run", "run"),
    Column("rule", "rule"),
    Column("accuracy", "accuracy\n%", "percent"),
    Column("ci95", "bootstrap\n95%", "interval"),
    Column("wilson95", "Wilson\n95%", "interval"),
    Column("accuracy_half", "ties as\nhalf %", "percent"),
    Column("accuracy_both", "both\norders %", "percent"),
    Column("unparsed", "unparsed", "count"),
    Column("coverage", "coverage\n%", "percent"),
    Column("consistency", "same in both\norders %", "percent"),
    Column("first_pick_rate", "picks\nfirst %", "percent"),
)
OWN_RULE = "the file's own"
RULES_NOTE = (
    "The same answers read by further rules of the judge file; everything else in this report is "
    "by the file's own rule."
)
REPEATS_NOTE = (
    "majority: accuracy of what more than half of the repeats say; repeats agree: how often two "
    "answers to one prompt give the same outcome."
)
SELF_NOTE = (
    "Pairs with one text by the judge's own family; picks: how often that text is taken (ties and "
    "failures aside); favour: the judge's share less the people's; balanced: the same if people "
    "had taken it half of the time, where plain errors add nothing."
)


def judge_record(results: Mapping[str, Any]) -> dict[str, Any]:
    """The columns JUDGE and SELF of one run."""
    judge = results.get("judge") or {}
    own = results.get("self_preference") or {}
    found = {
        "judge": judge.get("name"),
        "judge_sha256": judge.get("sha256"),
        "judge_kind": judge.get("kind"),
        "orders": judge.get("orders"),
    }
    for column in SELF:
        found[column.key] = own.get(column.key.removeprefix("self_"))
    return found


def repeats_table(everything: Table, task: str) -> list[Table]:
    """The table of repeats, of the runs that have any; picked from the table of all columns."""
    repeated = _where(everything, [(n or 0) > 1 for n in everything.values("repeats")])
    if not repeated.rows:
        return []
    keys = ("model", "accuracy", *(column.key for column in REPEATS))
    return [repeated.pick(f"{task}: repeats", keys, notes=[REPEATS_NOTE])]


def self_table(everything: Table, task: str) -> list[Table]:
    """The table of self-preference, of the runs that know their family."""
    known = _where(everything, [family is not None for family in everything.values("self_family")])
    if not known.rows:
        return []
    keys = ("model", *(column.key for column in SELF if column.key != "self_ci95"))
    return [known.pick(f"{task}: favour for its own family", keys, notes=[SELF_NOTE])]


def _where(table: Table, kept: Sequence[bool]) -> Table:
    rows = tuple(row for row, keep in zip(table.rows, kept, strict=True) if keep)
    return Table("", table.columns, rows)


def rule_table(runs: Sequence[tuple[str, str, Mapping[str, Any]]]) -> Table:
    """A row a run and rule, the file's own rule first; of the runs that have further rules.

    (label, folder name, results) in.
    """
    records: list[dict[str, Any]] = []
    for label, run, results in runs:
        rules = results.get("rules") or {}
        own = [(OWN_RULE, results["metrics"])] if rules else []
        for rule, numbers in (*own, *rules.items()):
            named = {"task": results["task"], "model": label, "run": run, "rule": rule}
            records.append(dict(numbers) | named)
    return from_records("", RULES, records)


def printed_rules(table: Table, task: str, *, several: bool) -> list[Table]:
    """The same for reading; of several runs, under each that has rules a row a rule."""
    if not table.rows:
        return []
    numbers = ("accuracy", "wilson95", "unparsed", "coverage", "first_pick_rate", "consistency")
    keys = ("model", "rule") if several else ("rule", "model")
    printed = table.pick(
        f"{task}: verdict rules",
        (*keys, *numbers),
        heads={"consistency": "same both\norders %"},
        optional=("first_pick_rate", "consistency"),
        notes=[RULES_NOTE],
    )
    return [nested(printed, several=several)]
