"""The tables of a study: a row a model, the published number beside ours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.metrics.uncertainty import wilson95
from harness.reports.tables import Column, Table, from_records
from harness.reports.text import BLANK
from harness.specs import WritingSpec
from harness.study.published import Published

MODEL = Column("label", "model", "name")
TRAINED = (
    Column("paper", "paper:\nrows"),
    Column("tokens", "tokens\nan epoch", "count"),
    Column("samples", "1:k in\nrows", "decimal"),
    Column("in_tokens", "1:k in\ntokens", "decimal"),
    Column("steps", "steps", "count"),
    Column("first", "loss,\nfirst", "ratio"),
    Column("last", "loss,\nlast", "ratio"),
    Column("eval", "loss,\nheld out", "ratio"),
)
LENGTH = (
    MODEL,
    Column("texts", "texts", "count"),
    Column("chars", "chars", "count"),
    Column("paper_chars", "paper:\nchars", "count"),
    Column("tokens", "tokens", "count"),
    Column("paper_tokens", "paper:\ntokens", "count"),
    Column("words", "words", "count"),
)
DIVERSITY = (
    MODEL,
    Column("ttr", "TTR", "ratio"),
    Column("ttr_ci95", "TTR\n95%", "ratio_interval"),
    Column("paper_ttr", "paper:\nTTR", "ratio"),
    Column("ttr_median", "TTR\nmedian", "ratio"),
    Column("paper_median", "paper:\nmedian", "ratio"),
    Column("mattr50", "MATTR\n50", "ratio"),
    Column("mtld", "MTLD", "decimal"),
    Column("hdd42", "HD-D\n42", "ratio"),
    Column("distinct2", "distinct\n2", "ratio"),
    Column("words", "words", "count"),
)
FAULTS = (
    MODEL,
    Column("wrong_language", "wrong\nlanguage %", "percent"),
    Column("chinese", "in\nChinese %", "percent"),
    Column("chinese_wilson95", "Wilson\n95%", "interval"),
    Column("paper_chinese", "paper: in\nChinese %", "percent"),
    Column("empty", "empty", "count"),
    Column("truncated", "cut off", "count"),
    Column("repetition", "runaway\n%", "percent"),
    Column("errors", "errors", "count"),
)
SOURCES = ("creative", "general_zh", "general_en")  # the paper's, in its order
RATIO = "1:k: general rows (or tokens) for every creative one."
LOSS = (
    "Losses are of the first and the last step that were logged, and at the end on rows kept back "
    "from each mixture's own sources: they do not rank models of different mixtures."
)
TTR = "TTR falls with the length of a text: read it beside words, or by MATTR-50, MTLD and HD-D-42."


def mixture_table(results: Mapping[str, Any], paper: Published | None) -> Table:
    """What each model was trained on, for how long, and to what loss."""
    rows = []
    names: dict[str, None] = {}
    for label in results["labels"]:
        one = results["trainings"][label]
        sources = one["mixture"]["sources"]
        names |= dict.fromkeys(sources)
        theirs = paper.rows(label) if paper else None
        rows.append(
            {
                "label": label,
                **{_source(name): sources[name]["n"] for name in sources},
                "paper": _sum(theirs) if theirs else BLANK,
                "tokens": one["tokens_per_epoch"],
                "samples": one["mixture"]["ratio_samples"],
                "in_tokens": one["mixture"]["ratio_tokens"],
                "steps": one["steps"],
                "first": one["first_loss"],
                "last": one["last_loss"],
                "eval": one["last_eval_loss"],
            }
        )
    names = dict.fromkeys(name for name in SOURCES if name in names) | names
    drawn = [Column(_source(name), name.replace("_", "\n"), "count") for name in names]
    columns = (MODEL, *drawn, *TRAINED)
    keys = [column.key for column in columns]
    return from_records("", columns, rows).pick(
        "Mixtures", keys, optional=("paper", "eval"), notes=[RATIO, LOSS]
    )


def _source(name: str) -> str:
    return f"rows of {name}"


def _sum(rows: Mapping[str, int]) -> str:
    general = rows["general_zh"] + rows["general_en"]
    return f"{rows['creative']:,} + {general:,}"


def length_table(results: Mapping[str, Any], task: WritingSpec, paper: Published | None) -> Table:
    """How long the texts are."""
    rows = []
    for label, metrics in _metrics(results, task):
        theirs = {} if paper is None else {
            f"paper_{unit}": paper.length(label, unit) for unit in ("chars", "tokens")
        }  # fmt: skip
        rows.append({"label": label} | metrics | theirs)
    optional = ("paper_chars", "paper_tokens", "tokens")
    keys = [column.key for column in LENGTH]
    notes = ["Means over texts; tokens are the model's own, the paper's tokenizer is not stated."]
    return from_records("", LENGTH, rows).pick(
        f"{task.name}: length", keys, optional=optional, notes=notes
    )


def diversity_table(
    results: Mapping[str, Any], task: WritingSpec, paper: Published | None
) -> Table:
    """How varied their words are."""
    rows = []
    for label, metrics in _metrics(results, task):
        theirs = {} if paper is None else {
            "paper_ttr": paper.ttr(label, "mean"), "paper_median": paper.ttr(label, "median"),
        }  # fmt: skip
        rows.append({"label": label} | metrics | theirs)
    keys = [column.key for column in DIVERSITY]
    return from_records("", DIVERSITY, rows).pick(
        f"{task.name}: diversity", keys, optional=("paper_ttr", "paper_median"), notes=[TTR]
    )


def faults_table(results: Mapping[str, Any], task: WritingSpec, paper: Published | None) -> Table:
    """What went wrong: texts in another language, empty, cut off, in a loop."""
    rows = []
    for label, metrics in _metrics(results, task):
        theirs = {} if paper is None else {"paper_chinese": paper.in_chinese(label)}
        rows.append({"label": label} | metrics | _chinese(metrics, task) | theirs)
    keys = [column.key for column in FAULTS if task.language == "en" or "chinese" not in column.key]
    return from_records("", FAULTS, rows).pick(
        f"{task.name}: what went wrong", keys, optional=("paper_chinese", "errors")
    )


def _chinese(metrics: Mapping[str, Any], task: WritingSpec) -> dict[str, Any]:
    """How many English prompts were answered in Chinese, as the paper counts."""
    counts = metrics["written_in"]
    n = sum(counts.values())
    if task.language != "en" or not n:
        return {}
    return {"chinese": counts["zh"] / n, "chinese_wilson95": wilson95(counts["zh"], n)}


def _metrics(results: Mapping[str, Any], task: WritingSpec) -> list[tuple[str, dict[str, Any]]]:
    runs = results["texts"][task.name]
    return [(label, dict(runs[label]["metrics"])) for label in results["labels"] if label in runs]
