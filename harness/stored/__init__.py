"""A run folder read back: for reports, comparisons, and the run that goes on with it."""

from harness.stored.arena import arena_measures, arena_units, arena_verdicts
from harness.stored.files import (
    MANIFEST,
    MEASURES,
    PAIRS,
    PROMPTS,
    REPORT,
    RESULTS,
    SCORES,
    TEXTS,
    VERDICTS,
    decoded,
    read_json,
)
from harness.stored.runs import FinishedRun, find_runs, read_results, read_run, read_tables
from harness.stored.texts import FinishedWriting, in_order, last_texts, read_measures, read_writing
from harness.stored.usage import Usage, answered, reasons, unwritten, usage

__all__ = [
    "MANIFEST", "MEASURES", "PAIRS", "PROMPTS", "REPORT", "RESULTS", "SCORES", "TEXTS", "VERDICTS",
    "FinishedRun", "FinishedWriting", "Usage", "answered", "arena_measures", "arena_units",
    "arena_verdicts", "decoded", "find_runs", "in_order", "last_texts",
    "read_json", "read_measures", "read_results", "read_run", "read_tables", "read_writing",
    "reasons", "unwritten", "usage",
]  # fmt: skip
