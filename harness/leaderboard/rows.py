"""The rows of a board: verified submissions and null baselines."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from harness.leaderboard.entries import Submission
from harness.leaderboard.verify import Verified
from harness.reports.overall import Entry, labels, overall_table
from harness.reports.tables import Table, records
from harness.reports.text import plain, plural

RowKind = Literal["submission", "null", "reported"]
_SLUG = re.compile(r"[^a-z0-9]+")
_NONCHARACTERS = re.compile("[\ufdd0-\ufdef\ufffe\uffff]")  # no XML holds them
LONGEST = 60  # characters of a name in a table


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a board.

    `numbers` and the rows of `genres` have the keys of results.json, null where nothing is known;
    `facts` says in words where they come from. `page` is a file name made of ASCII alone.
    `rank` is best and worst rank, null for what is not ranked.
    """

    kind: RowKind
    name: str
    page: str
    numbers: Mapping[str, Any]
    genres: Mapping[str, Mapping[str, Any]]
    facts: tuple[tuple[str, str], ...] = ()
    rank: tuple[int, int] | None = None
    standing: str = ""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A submitted file that does not stand on the board, and the first thing found in it."""

    file: str
    findings: int
    first: str


def shown(name: str, longest: int = LONGEST) -> str:
    """A name as pages and plots show it: on one line, without marks that turn text round."""
    name = plain(_NONCHARACTERS.sub(" ", name)) or "(no name)"
    return name if len(name) <= longest else name[: longest - 1] + "…"


def page_name(kind: RowKind, name: str, key: str) -> str:
    """A file name that a stranger's name cannot bend: readable as far as it is ASCII."""
    digest = hashlib.sha256(f"{kind}\0{key}".encode("utf-8", "replace")).hexdigest()
    word = _SLUG.sub("-", name.lower())[:40].strip("-") or "model"
    return f"{word}-{digest[:8]}.html"


def submitted(
    submissions: Sequence[Submission], table: Callable[[Sequence[Entry]], Table] = overall_table
) -> list[Row]:
    """Runs as rows, unranked, in the order given; `table` makes their numbers."""
    runs = [(one.path.stem, one.results) for one in submissions]
    entries = [
        Entry(label, run, results) for label, (run, results) in zip(labels(runs), runs, strict=True)
    ]
    return [
        Row(
            kind="submission",
            name=entry.label,
            page=page_name("submission", entry.label, entry.run),
            numbers=numbers,
            genres=entry.results.get("genres") or {},
            facts=submission_facts(one),
        )
        for one, entry, numbers in zip(submissions, entries, records(table(entries)), strict=True)
    ]


def submission_facts(one: Submission) -> tuple[tuple[str, str], ...]:
    """What a submission says of itself and what was checked, for its page."""
    model, judge, data = one.results["model"], one.results.get("judge"), one.results["data"]
    found = {
        "model": model.get("name"),
        "backend": model.get("backend"),
        "revision": model.get("revision"),
        "judge": judge and f"{judge.get('name')} (sha256 {str(judge.get('sha256'))[:8]})",
        "data": f"{data.get('file')} (sha256 {str(data.get('sha256'))[:8]})",
        "submitted as": one.path.name,
        "made with": f"harness {one.meta.harness}",
        "packed on": one.meta.created,
        "trained on the test data": one.meta.trained_on_test or "not said",
        "license": one.meta.license or "not said",
        "contact": one.meta.contact or "not said",
        "answers": "in the file" if one.meta.raw else "left out",
        "numbers": "recomputed from the submitted verdicts or texts, not reproduced",
    }
    return tuple((key, str(value)) for key, value in found.items() if value)


def null_rows(nulls: Mapping[str, Any] | None) -> list[Row]:
    """The null baselines of nulls.json, whose rows have the shape of results.json."""
    rows = (nulls or {}).get("rows") or {}
    entries = [Entry(name, "", results) for name, results in rows.items()]
    return [
        Row(
            kind="null",
            name=entry.label,
            page=page_name("null", entry.label, entry.label),
            numbers=numbers,
            genres=entry.results["genres"],
            facts=(("null", "a baseline that knows nothing of what makes a text good"),),
        )
        for entry, numbers in zip(entries, records(overall_table(entries)), strict=True)
    ]


def left_out(verified: Sequence[Verified]) -> tuple[LeftOut, ...]:
    """The files of a board with findings."""
    return tuple(
        LeftOut(one.path.name, len(one.findings), str(one.findings[0]))
        for one in verified
        if not one.ok
    )


def left_out_notes(files: Sequence[LeftOut]) -> list[str]:
    """A sentence for each file that does not stand on the board."""
    return [
        f"Left out: {shown(one.file)}, {plural(one.findings, 'finding')}; the first: "
        f"{shown(one.first, 200)}"
        for one in files
    ]


def ranked(rows: Sequence[Row], ranks: Mapping[str, tuple[tuple[int, int], str]]) -> list[Row]:
    """The rows with rank range and standing, by page; best first, equally good by name."""
    placed = [
        replace(row, rank=ranks[row.page][0], standing=ranks[row.page][1])
        if row.page in ranks
        else row
        for row in rows
    ]
    return sorted(placed, key=lambda row: (-(row.numbers.get("accuracy") or 0.0), row.name))
