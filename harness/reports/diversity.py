"""Does the text with more varied words win? The table of each measure against quality."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.metrics.quality import MATCHED, MEASURES
from harness.reports.tables import Column, Table, from_records
from harness.reports.text import count, interval, percent, plural

DIVERSITY = (
    Column("of", "of"),
    Column("measure", "measure"),
    Column("higher_wins", "higher\nwins %", "percent"),
    Column("ci95", "bootstrap\n95%", "interval"),
    Column("n", "n", "count"),
    Column("matched_higher_wins", "at equal\nlength %", "percent"),
    Column("matched_ci95", "bootstrap\n95%", "interval"),
    Column("matched_n", "n", "count"),
    Column("spearman", "Spearman", "ratio"),
    Column("spearman_ci95", "bootstrap\n95%", "ratio_interval"),
    Column("spearman_prompts", "prompts", "count"),
)
NAMES = {
    "ttr": "TTR",
    "mattr50": "MATTR-50",
    "mtld": "MTLD",
    "hdd42": "HD-D-42",
    "distinct2": "distinct-2",
    "words": "words",
    "chars": "characters",
}
HIGHER = (
    "higher wins: how often the better of two texts for one prompt measures higher; 50% is a coin, "
    "and an interval that holds 50% says nothing."
)
LENGTH = (
    f"at equal length: characters differ by a ratio of at most {MATCHED}. Words and characters "
    "are rows of their own, as TTR falls with length."
)
SPEARMAN = (
    "Spearman: rank correlation of measure and quality within a prompt, averaged over prompts; 0 "
    "is none."
)


def diversity_rows(of: str, found: Mapping[str, Any]) -> Table:
    """A row a measure, as metrics.quality.diversity_and_quality counts."""
    rows = (
        dict(row)
        | {"of": of, "measure": name}
        | {f"matched_{key}": value for key, value in row["matched"].items()}
        for name in MEASURES
        for row in (found["measures"][name],)
    )
    return from_records("", DIVERSITY, rows)


def printed_diversity(title: str, found: Mapping[str, Any]) -> list[Table]:
    """The same for reading: who wins, and the correlation, with what it means in plain words."""
    table = diversity_rows("", found)
    shown = Table(
        "",
        table.columns,
        tuple((row[0], NAMES[row[1]], *row[2:]) for row in table.rows),
    )
    counts = (
        f"{plural(found['comparisons'], 'comparison')} of two texts of unequal quality, "
        f"{count(found['comparisons_matched'])} of them at equal length; "
        f"{plural(found['texts'], 'text')} for {plural(found['prompts'], 'prompt')}."
    )
    keys = ("higher_wins", "ci95", "n", "matched_higher_wins", "matched_ci95", "matched_n")
    return [
        shown.pick(
            f"{title}: does the higher value win?",
            ("measure", *keys),
            notes=[counts, HIGHER, LENGTH, meaning(found)],
        ),
        shown.pick(
            f"{title}: does quality follow the measure?",
            ("measure", "spearman", "spearman_ci95", "spearman_prompts"),
            notes=[SPEARMAN],
        ),
    ]


def meaning(found: Mapping[str, Any]) -> str:
    """What the row of TTR allows to be said."""
    ttr = found["measures"]["ttr"]
    whole, matched = _side(ttr["ci95"]), _side(ttr["matched"]["ci95"])
    text = f"In words: the text of higher TTR {_SAID[whole]}; at equal length it {_SAID[matched]}"
    if whole and matched == 0:
        return f"{text}: what shows over all may be length alone."
    return f"{text}."


_SAID = {
    None: "cannot be judged for want of prompts",
    1: "wins more often than a coin",
    0: "wins as often as a coin, as far as can be told",
    -1: "wins less often than a coin",
}


def _side(ends: list[float] | None) -> int | None:
    """On which side of a half an interval lies, 0 if it holds it."""
    return None if ends is None else (ends[0] > 0.5) - (ends[1] < 0.5)


def diversity_sentence(found: Mapping[str, Any] | None) -> str:
    """The same for the remarks of an arena; nothing where nothing was measured."""
    if not found or found["measures"]["ttr"]["higher_wins"] is None:
        return ""
    ttr = found["measures"]["ttr"]
    text = f"Diversity: the text of higher TTR wins {_rate(ttr)}"
    if ttr["matched"]["higher_wins"] is not None:
        text += f", at equal length {_rate(ttr['matched'])}"
    return f"{text}; `harness report --by diversity` has the other measures."


def _rate(row: Mapping[str, Any]) -> str:
    ends = f" {interval(row['ci95'])}" if row["ci95"] else ""
    return f"{percent(row['higher_wins'])}%{ends} of {count(row['n'])}"
