"""Sentences about a run that a careful reader would write beside its numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.metrics.uncertainty import FEWEST_CLUSTERS
from harness.reports.judge_remarks import (
    judge_remark,
    order_remark,
    repeats_remark,
    rules_remark,
    self_remark,
    ties_remark,
)
from harness.reports.text import interval, p_equals, percent, plural


def headline(results: Mapping[str, Any]) -> str:
    """Accuracy with its interval, in one line."""
    metrics = results["metrics"]
    n = results["data"]["n"]
    text = f"accuracy {percent(metrics.get('accuracy'))}%"
    bounds = metrics.get("ci95")
    # a bootstrap of a handful of clusters, or of equal ones, is far too narrow
    if bounds and bounds[0] < bounds[1] and results["data"]["clusters"] >= FEWEST_CLUSTERS:
        text += f", 95% interval {interval(bounds)}"
    elif metrics.get("wilson95") is not None:
        text += f", Wilson 95% {interval(metrics['wilson95'])}"
    text += f", on {plural(n, 'pair')}"
    if metrics.get("macro_accuracy") is not None:
        text += f"; mean over genres {percent(metrics['macro_accuracy'])}%"
    return text


def remarks(results: Mapping[str, Any]) -> list[str]:
    """What is worth saying, in the order a reader asks; nothing where there is nothing to say."""
    metrics, data = results["metrics"], results["data"]
    ties = ties_remark(results)
    found = [
        judge_remark(results),
        _nulls(results),
        _genres(metrics),
        rules_remark(results),
        ties,
        _failures(metrics, ties_said=bool(ties)),
        order_remark(results),
        repeats_remark(results),
        _length(metrics),
        self_remark(results),
        _data(data),
    ]
    return [sentence for sentence in found if sentence]


def _nulls(results: Mapping[str, Any]) -> str:
    metrics = results["metrics"]
    longer = metrics.get("longer_accuracy")
    if longer is None or results["model"].get("backend") == "baseline":
        return ""
    nulls = {"a coin": 0.5, "always the longer text": longer}
    if metrics.get("shorter_accuracy") is not None:
        nulls["always the shorter text"] = metrics["shorter_accuracy"]
    name, best = max(nulls.items(), key=lambda item: item[1])
    text = "To be held against: " + ", ".join(f"{n} {percent(v)}%" for n, v in nulls.items())
    ends = metrics.get("ci95") or metrics.get("wilson95")
    if ends is None:
        return text + "."
    if ends[0] > best:
        return text + "; the interval lies above all of them."
    verdict = "reaches down to" if ends[1] >= best else "lies below"
    text += f"; the interval {verdict} {name} ({percent(best)}%)"
    # an answer that nobody could read is no sign of bad taste
    failed = metrics.get("unparsed", 0) + metrics.get("errors", 0)
    return text + (", with failed verdicts counted wrong." if failed else ".")


def _genres(metrics: Mapping[str, Any]) -> str:
    std, noise = metrics.get("genre_std"), metrics.get("genre_std_noise")
    p = metrics.get("genre_heterogeneity_p")
    if std is None or noise is None or p is None:
        return ""
    text = f"Genres: SD {percent(std)} points; equal skill everywhere would show {percent(noise)}"
    verdict = "the genres differ" if p < 0.05 else "no difference between genres can be told"
    return f"{text} by chance ({p_equals(p)}): {verdict}."


def _failures(metrics: Mapping[str, Any], *, ties_said: bool) -> str:
    parts = []
    ties, unparsed, errors = (metrics.get(key) or 0 for key in ("ties", "unparsed", "errors"))
    if ties and not ties_said:
        parts.append(
            f"{plural(ties, 'tie')}, counted wrong "
            f"(as half: {percent(metrics.get('accuracy_half'))}%)"
        )
    if unparsed or errors:
        parts.append(
            f"{unparsed:,} unparsed and {plural(errors, 'error')}, counted wrong: coverage "
            f"{percent(metrics.get('coverage'))}%, accuracy could lie anywhere in "
            f"{interval(metrics.get('bounds'))}"
        )
    if metrics.get("truncated"):
        parts.append(f"{plural(metrics['truncated'], 'verdict')} on truncated texts")
    return f"Failures: {'; '.join(parts)}." if parts else ""


def _length(metrics: Mapping[str, Any]) -> str:
    longer, balanced = metrics.get("longer_agreement"), metrics.get("length_balanced_accuracy")
    if longer is None:
        return ""
    text = f"Length: picks the longer text in {percent(longer)}%"
    if balanced is not None:
        text += (
            f"; right in {percent(metrics.get('accuracy_longer_chosen'))}% where the chosen text "
            f"is longer and {percent(metrics.get('accuracy_shorter_chosen'))}% where it is "
            f"shorter (balanced {percent(balanced)}%)"
        )
    return text + "."


def _data(data: Mapping[str, Any]) -> str:
    parts = []
    if data.get("gold_ties"):
        ties = plural(data["gold_ties"], "gold tie")
        parts.append(f"{ties} (people scored both texts alike), counted by the label")
    if data.get("dropped_rows"):
        parts.append(f"{plural(data['dropped_rows'], 'bad row')} dropped (--bad_rows drop)")
    if data.get("left_out"):
        parts.append(f"{plural(data['left_out'], 'pair')} left out (--genres, --limit)")
    return f"Data: {'; '.join(parts)}." if parts else ""
