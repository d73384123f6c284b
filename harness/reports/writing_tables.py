"""The tables with one row a model that wrote: length, variety of words, what went wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from harness.reports.overall import Entry
from harness.reports.tables import Column, Table, from_records
from harness.reports.text import plural

# what a row of groups (genres, tags, bands) and a row of models both have
LENGTH = (
    Column("chars", "chars", "count"),
    Column("words", "words", "count"),
    Column("tokens", "tokens", "count"),
)
DIVERSITY = (
    Column("ttr", "TTR", "ratio"),
    Column("ttr_ci95", "TTR\n95%", "ratio_interval"),
    Column("mattr50", "MATTR\n50", "ratio"),
    Column("mtld", "MTLD", "decimal"),
    Column("hdd42", "HD-D\n42", "ratio"),
    Column("distinct2", "distinct\n2", "ratio"),
)
ERRORS = Column("errors", "errors", "count")
NEAR = Column("near_duplicates", "near-\nduplicates %", "percent")
FAULTS = (
    Column("wrong_language", "wrong\nlanguage %", "percent"),
    Column("empty", "empty", "count"),
    Column("truncated", "cut off", "count"),
    Column("refusals", "refusals", "count"),
    Column("repetition", "runaway\n%", "percent"),
)


def _beside(column: Column) -> tuple[Column, ...]:
    """What stands in the results beside the mean of a measure."""
    name = column.key
    ends = () if name == "ttr" else (Column(f"{name}_ci95", f"{name}\n95%", "ratio_interval"),)
    return (
        Column(f"{name}_median", f"{name}\nmedian", column.kind),
        *ends,
        Column(f"{name}_n", f"{name}\nn", "count"),
    )


WRITING = (
    Column("task", "task"),
    Column("language", "language"),
    Column("model", "model", "name"),
    Column("run", "run"),
    Column("data", "data"),
    Column("data_sha256", "data sha256"),
    Column("data_replaced", "data replaced"),
    Column("tokenizer", "tokenizer"),
    Column("n", "texts\nowed", "count"),
    Column("prompts", "prompts", "count"),
    Column("texts", "texts", "count"),
    ERRORS,
    Column("coverage", "coverage\n%", "percent"),
    *LENGTH,
    Column("chars_median", "chars\nmedian", "count"),
    Column("words_median", "words\nmedian", "count"),
    Column("tokens_median", "tokens\nmedian", "count"),
    *DIVERSITY,
    *(beside for column in DIVERSITY if column.key != "ttr_ci95" for beside in _beside(column)),
    *FAULTS,
    Column("wrong_language_n", "wrong\nlanguage", "count"),
    Column("in_language_n", "in its\nlanguage", "count"),
    Column("in_language_ttr", "TTR of\nthose", "ratio"),
    NEAR,
    Column("nearest", "nearest", "ratio"),
    Column("seq_rep8", "seq-rep-8", "ratio"),
)
ROBUST = ("mattr50", "mtld", "hdd42", "distinct2")
FALLS = (
    "TTR falls with the length of a text, whoever writes: compare models by MATTR-50, MTLD and "
    "HD-D-42, or at equal length (--by length)."
)
DEFINED = (
    "Means over the texts that are long enough for a measure; distinct-2 is over the first 200 "
    "words of a text."
)
TTR_INTERVAL = "TTR: mean over texts; its interval is a bootstrap over prompts."
_FAULTS = {
    "truncated": "cut off: ended by the limit of tokens",
    "repetition": "runaway: caught in a loop of words",
    "near_duplicates": "near-duplicates: nearly the same as a text for another prompt",
}


def faults_table(table: Table, title: str, keys: Sequence[str]) -> list[Table]:
    """What went wrong, of the kinds that went wrong anywhere; nothing if none did."""
    known = [column.key for column in (ERRORS, *FAULTS, NEAR) if column in table.columns]
    kinds = [key for key in known if any(table.values(key))]
    if not kinds:
        return []
    notes = "; ".join(_FAULTS[key] for key in kinds if key in _FAULTS)
    return [table.pick(title, (*keys, *kinds), notes=[f"{notes}."] if notes else [])]


def writing_table(entries: Sequence[Entry]) -> Table:
    """Every column of every run; what CSV and JSON hold, and what the printed tables pick from."""
    return from_records("", WRITING, [_record(entry) for entry in entries])


def _record(entry: Entry) -> dict[str, Any]:
    results = entry.results
    data, metrics = results["data"], results["metrics"]
    inside = metrics.get("in_language") or {}
    return dict(metrics) | {
        "task": results["task"],
        "language": results["language"],
        "model": entry.label,
        "run": entry.run,
        "data": data["file"],
        "data_sha256": data["sha256"],
        "data_replaced": bool(data.get("replaced")),
        "tokenizer": tokenizer(results),
        "n": data["n"],
        "prompts": data["prompts"],
        "in_language_n": inside.get("n"),
        "in_language_ttr": inside.get("ttr"),
    }


def tokenizer(results: Mapping[str, Any]) -> str | None:
    """What cut the texts of a run into words; None where its results do not say."""
    found = (results.get("tokenizer") or {}).get(results["language"])
    return None if found is None else str(found)


def cutter(results: Mapping[str, Any]) -> str:
    """The same as a sentence without its stop."""
    facts = tokenizer(results) or "an unknown tokenizer"
    return f"Words match {facts}" if results["language"] == "en" else f"Words by {facts}"


def writing_tables(entries: Sequence[Entry]) -> list[Table]:
    """The printed form: narrow tables that fit a terminal, all with a row a model."""
    everything = writing_table(entries)
    task = entries[0].task
    tables = [
        everything.pick(
            f"{task} ({entries[0].results['language']}): length and TTR",
            ("model", "texts", "chars", "words", "tokens", "ttr", "ttr_ci95"),
            optional=("tokens",),
            notes=[*written_notes(entries), TTR_INTERVAL, FALLS],
        ),
        everything.pick(
            f"{task}: variety of words",
            ("model", "words", *ROBUST),
            notes=[DEFINED],
        ),
    ]
    return [
        *tables,
        *faults_table(everything, f"{task}: what went wrong", ("model", "texts")),
    ]


def written_notes(entries: Sequence[Entry]) -> list[str]:
    """What the rows were written for and cut with; a warning where it is not the same for all."""
    prompts: dict[str, list[str]] = {}
    cutters: dict[str, list[str]] = {}
    for entry in entries:
        data = entry.results["data"]
        line = f"{data['file']} (sha256 {data['sha256'][:8]}): {plural(data['prompts'], 'prompt')}"
        if data.get("replaced"):
            line += "; --data replaced the task's own file"
        prompts.setdefault(line, []).append(entry.label)
        cutters.setdefault(cutter(entry.results), []).append(entry.label)
    return [
        *_told(prompts, "Not the same prompts in every row, so rows cannot be held side by side:"),
        *_told(cutters, "Not the same words in every row, so no measure can be held side by side:"),
    ]


def _told(lines: dict[str, list[str]], warning: str) -> list[str]:
    if len(lines) == 1:
        return [f"{next(iter(lines))}."]
    return [warning, *(f"{', '.join(labels)}: {line}." for line, labels in lines.items())]
