"""README.md of a board: generated, the same bytes for the same submissions, no time in it."""

from __future__ import annotations

from dataclasses import replace

from harness.leaderboard.audit import findings_table
from harness.leaderboard.gather import BoardArena, BoardRows
from harness.leaderboard.rows import left_out_notes
from harness.leaderboard.tables import board_table, named, own_tables, reported_tables
from harness.reports.arena_tables import matrix_tables, printed_pairs, printed_runs
from harness.reports.render_md import escape, markdown, paragraph
from harness.reports.tables import Table
from harness.reports.writing_tables import DEFINED, FALLS, ROBUST, TTR_INTERVAL, faults_table

MADE = "<!-- made by `harness leaderboard build`: change the submissions, not this file -->"
NOBODY = "Nobody has submitted a run yet."
NO_NULLS = (
    "The null rows (random, longer, shorter, higher TTR) are not here, as the data was not at hand "
    "when this was built: harness data fetch {task} brings it, and the next build adds them."
)
RECOUNTED = (
    "Counts are the printed percentages times n; p is the exact binomial test, Wilson's interval "
    "that of the counts. Reported runs carry no rank."
)


def readme(found: BoardRows) -> str:
    """The board as Markdown: what it is, its tables, and how to stand on it."""
    spec = found.board.spec
    said = [
        spec.about,
        spec.note,
        f"Source of the reported rows: {spec.source}." * bool(spec.source),
    ]
    head = "\n\n".join(
        [MADE, f"# {escape(spec.name)}", *(paragraph(text) for text in said if text)]
    )
    tables = board_tables(found)
    if found.left_out:
        tables.append(Table("Left out", (), (), tuple(left_out_notes(found.left_out))))
    return f"{head}\n\n{markdown(tables)}\n{_how(found)}"


def board_tables(found: BoardRows) -> list[Table]:
    """The printed tables, in their order."""
    if found.writing:
        arenas = [part for one in found.arenas for part in arena_parts(one)]
        return [*_writing(found), *arenas, *audit_tables(found)]
    tables = own_tables(found.own) if found.own else [Table("Overall", (), (), (NOBODY,))]
    if found.board.nulls is None:
        missing = NO_NULLS.format(task=found.board.spec.task)
        tables[0] = replace(tables[0], notes=(*tables[0].notes, missing))
    if found.reported:
        tables += reported_tables(found.reported, audit_tables(found))
    return tables


def audit_tables(found: BoardRows) -> list[Table]:
    """Which reported numbers can't be right; nothing where all can."""
    return [findings_table(found.findings, "Audit of what is reported")] if found.findings else []


def _writing(found: BoardRows) -> list[Table]:
    everything = named(board_table(found.rows, writing=True))
    if not found.rows:
        return [Table("Texts", (), (), (NOBODY,))]
    keys = ("kind", "model", "texts", "chars", "words", "tokens", "ttr", "ttr_median", "ttr_ci95")
    optional = ("words", "tokens", "ttr_ci95")
    tables = [
        everything.pick(
            "Length and TTR",
            keys,
            optional=optional,
            notes=[TTR_INTERVAL, FALLS],
        )
    ]
    if any(any(everything.values(key)) for key in ROBUST):
        own = named(board_table(found.own, writing=True))
        tables.append(own.pick("Variety of words", ("model", "words", *ROBUST), notes=[DEFINED]))
    return [*tables, *faults_table(everything, "What went wrong", ("model", "texts"))]


def arena_parts(one: BoardArena) -> list[Table]:
    """One arena: who beats whom, strengths, every two runs; of a paper's no strengths."""
    first, *others = matrix_tables(one.results)
    parts = [replace(first, title=f"{one.title}: {first.title}"), *others]
    if not one.reported:
        parts.append(printed_runs(one.results))
    pairs = printed_pairs(one.results)
    notes = (*pairs.notes, RECOUNTED) if one.reported else pairs.notes
    return [*parts, replace(pairs, title=f"{one.title}: every two runs", notes=notes)]


def _how(found: BoardRows) -> str:
    spec = found.board.spec
    return (
        "## Submit\n\n"
        f"    harness submit RUN --board {spec.name}\n\n"
        f"RUN is the folder of a finished run of task {spec.task}. Every number here is recomputed "
        "from the submitted verdicts or texts:\n\n"
        f"    harness leaderboard verify {spec.name}\n"
    )
