"""A panel as tables: its numbers beside its members', how far they agree, and its best member."""

from __future__ import annotations

from typing import Any

from harness.reports.compare_tables import SIGN_FLIP, difference_table, letter
from harness.reports.conclusion import conclusion
from harness.reports.overall import Entry, overall_table, overall_tables
from harness.reports.panel import Agreement, Panel
from harness.reports.tables import Column, Table, from_records
from harness.reports.text import percent, plural

MEMBERS = (
    Column("letter", ""),
    Column("model", "model", "name"),
    Column("accuracy", "accuracy\n%", "percent"),
    Column("coverage", "coverage\n%", "percent"),
    Column("with_panel", "says what the\npanel says %", "percent"),
)
AGREEMENT = (
    Column("members", "judges"),
    Column("first", "first"),
    Column("second", "second"),
    Column("alpha", "alpha", "ratio"),
    Column("ci95", "bootstrap\n95%", "ratio_interval"),
    Column("alike", "votes\nalike %", "percent"),
    Column("units", "units", "count"),
)
TIES = Column("ties", "ties")
_WRONG, _HALF = "wrong", "as half"
_ALL = "all"
ALPHA = (
    "alpha: Krippendorff's, nominal, a unit being a pair in one order and the categories chosen, "
    "rejected and tie. 1: the same verdict everywhere; 0: no more alike than the shares of these "
    "verdicts make them, as of judges that err each on their own."
)
BEST = "The best member was picked on these very pairs, which flatters it a little."


def panel_entries(found: Panel) -> list[Entry]:
    """The panel and then its members, as rows of a report."""
    members = zip(found.labels, found.folders, found.members, strict=True)
    return [Entry(found.label, "", found.results), *(Entry(*member) for member in members)]


def member_table(found: Panel) -> Table:
    """A row a member, in the order given."""
    records = [
        {
            "letter": letter(place),
            "model": label,
            "accuracy": results["metrics"].get("accuracy"),
            "coverage": results["metrics"].get("coverage"),
            "with_panel": found.overlap.with_panel[place],
        }
        for place, (label, results) in enumerate(zip(found.labels, found.members, strict=True))
    ]
    return from_records("", MEMBERS, records)


def agreement_table(found: Panel) -> Table:
    """Alpha of all members, then of every two (`first` and `second` null for all)."""
    return from_records("", AGREEMENT, [_agreement(found, row) for row in found.agreements])


def _agreement(found: Panel, row: Agreement) -> dict[str, Any]:
    first, second = (found.labels[place] for place in row.members) if row.members else (None, None)
    return {
        "members": " - ".join(letter(place) for place in row.members) or _ALL,
        "first": first,
        "second": second,
        "alpha": row.alpha,
        "ci95": None if row.ci95 is None else list(row.ci95),
        "alike": row.alike,
        "units": row.units,
    }


def panel_tables(found: Panel) -> list[Table]:
    """The printed form: rule and members, agreement, all usual numbers, the best member, and the
    plain sentence last."""
    task = str(found.results["task"])
    best = found.labels[found.best]
    return [
        member_table(found).pick(
            f"{task}: {found.label}",
            [column.key for column in MEMBERS],
            notes=[_rule(found), _common(found)],
        ),
        agreement_table(found).pick(
            "Agreement", ("members", "alpha", "ci95", "alike", "units"), notes=[ALPHA]
        ),
        *overall_tables(panel_entries(found)),
        best_table(found).pick(
            f"{found.label} less its best member, {best}",
            ("ties", "difference", "ci95", "p", "smallest_difference"),
            notes=[SIGN_FLIP, BEST],
        ),
        Table("", (), (), (_conclusion(found),)),
    ]


def _rule(found: Panel) -> str:
    text = (
        f"Votes on {plural(found.cells, 'cell')} (a pair in one order): more than half of the "
        f"valid votes decide, else it is a tie; under {plural(found.quorum, 'valid vote')} there "
        "is no verdict (unparsed)."
    )
    if any((results["metrics"].get("repeats") or 1) > 1 for results in found.members):
        text += " A judge that was asked several times votes by the majority of its repeats."
    return text


def _common(found: Panel) -> str:
    shared = found.overlap
    return (
        f"All vote alike in {percent(shared.unanimous)}% of them. All are right in "
        f"{percent(shared.all_right)}% and none in {percent(shared.none_right)}%, whatever the "
        f"rule for counting votes. The panel says what {found.labels[found.best]}, the best "
        f"member, says in {percent(shared.with_panel[found.best])}%."
    )


def best_table(found: Panel) -> Table:
    """The paired test of the panel against its best member, with ties wrong and as half a point."""
    strict, half = difference_table(found.against_best), difference_table(found.as_half)
    return Table("", (TIES, *strict.columns), ((_WRONG, *strict.rows[0]), (_HALF, *half.rows[0])))


def _conclusion(found: Panel) -> str:
    """What may be said; of ties too, where the two ways of counting them could part."""
    text = conclusion(found.against_best)
    ties = found.results["metrics"]["ties"]
    if not ties:
        return text
    return (
        f"{text} That counts the panel's {plural(ties, 'tie')} as wrong; with half a point "
        f"for a tie: {conclusion(found.as_half)}"
    )


def panel_rows(found: Panel) -> Table:
    """Every column of the panel and of each member, with the member's share of agreement with
    the panel: the CSV."""
    everything = overall_table(panel_entries(found))
    shares = (None, *found.overlap.with_panel)
    return Table(
        "",
        (*everything.columns, MEMBERS[-1]),
        tuple((*row, share) for row, share in zip(everything.rows, shares, strict=True)),
    )


def panel_document(found: Panel) -> dict[str, Any]:
    """The panel for a program."""
    keys = ("first", "second", "alpha", "ci95", "alike", "units")
    compared = (
        "ties", "first", "second", "n", "clusters", "accuracy_first", "accuracy_second",
        "difference", "ci95", "p", "exact", "clusters_differing", "smallest_difference",
    )  # fmt: skip
    return {
        "task": found.results["task"],
        "n": found.results["data"]["n"],
        "clusters": found.results["data"]["clusters"],
        "seed": found.results["seed"],
        "quorum": found.quorum,
        "cells": found.cells,
        "runs": panel_rows(found),
        "genres": found.results["genres"],
        "tags": found.results["tags"],
        "agreement": agreement_table(found).pick("", keys),
        "unanimous": found.overlap.unanimous,
        "all_right": found.overlap.all_right,
        "none_right": found.overlap.none_right,
        "best": found.labels[found.best],
        "comparison": best_table(found).pick("", compared),
        "conclusion": _conclusion(found),
    }
