"""Sentences about a run that wrote: never a TTR without lengths, never a failure unsaid."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.metrics.uncertainty import FEWEST_CLUSTERS
from harness.reports.text import count, decimal, percent, plural, ratio, ratio_interval

Metrics = Mapping[str, Any]
_NAMES = {"mattr50": "MATTR-50", "mtld": "MTLD", "hdd42": "HD-D-42", "distinct2": "distinct-2"}


def written_headline(results: Mapping[str, Any]) -> str:
    """How many texts of what length, and their TTR."""
    metrics, data = results["metrics"], results["data"]
    text = f"{plural(_texts(results), 'text')} for {plural(data['prompts'], 'prompt')}"
    if metrics.get("chars") is not None:
        text += f", {count(metrics['chars'])} characters on average"
        text += _median(count(metrics.get("chars_median")), metrics.get("chars_median"))
    if metrics.get("ttr") is None:
        return text
    text += f"; TTR {ratio(metrics['ttr'])}"
    if metrics.get("ttr_ci95") and data["prompts"] >= FEWEST_CLUSTERS:
        text += f", 95% interval {ratio_interval(metrics['ttr_ci95'])}"
    return text + _median(ratio(metrics.get("ttr_median")), metrics.get("ttr_median"))


def _median(shown: str, value: float | None) -> str:
    return "" if value is None else f" (median {shown})"


def _texts(results: Mapping[str, Any]) -> int:
    """The texts that are there."""
    metrics, owed = results["metrics"], int(results["data"]["n"])
    return int(metrics.get("texts", owed - (metrics.get("errors") or 0)))


def written_remarks(results: Mapping[str, Any]) -> list[str]:
    """What is worth saying, in the order a reader asks; nothing where there is nothing to say."""
    metrics, n = results["metrics"], _texts(results)
    found = [
        _diversity(metrics),
        _missing(results, n),
        _language(metrics, n),
        _cut_off(results, n),
        _refused(metrics, n),
        _repeated(metrics, n),
        _too_short(metrics, n),
        _data(results["data"]),
    ]
    return [sentence for sentence in found if sentence]


def _diversity(metrics: Metrics) -> str:
    if metrics.get("ttr") is None:
        return ""
    robust = [
        f"{name} {(decimal if key == 'mtld' else ratio)(metrics[key])}"
        for key, name in _NAMES.items()
        if metrics.get(key) is not None and key != "distinct2"
    ]
    text = "Diversity: TTR falls with the length of a text, whoever writes"
    if metrics.get("words") is not None:
        text += f", and these have {count(metrics['words'])} words on average"
    text += "; compare models"
    if robust:
        text += f" by {', '.join(robust)}, or"
    return f"{text} at equal length (`harness report --by length`)."


def _missing(results: Mapping[str, Any], n: int) -> str:
    owed, metrics = int(results["data"]["n"]), results["metrics"]
    if n >= owed:
        return ""
    text = f"Missing: {owed - n:,} of {plural(owed, 'text')}"
    errors = metrics.get("errors") or 0
    if errors:
        text += ", all of them errors" if errors == owed - n else f", {errors:,} of them errors"
    if metrics.get("coverage") is not None:
        text += f"; coverage {percent(metrics['coverage'])}%"
    return f"{text}. They count in no number."


def _language(metrics: Metrics, n: int) -> str:
    wrong = metrics.get("wrong_language_n")
    if not wrong:
        return ""
    text = (
        f"Language: {wrong:,} of {plural(n, 'text')} ({percent(metrics.get('wrong_language'))}%) "
        f"{'is' if wrong == 1 else 'are'} not in the language of the task, whose rule for words "
        "is not theirs"
    )
    inside = metrics.get("in_language") or {}
    if inside.get("ttr") is not None:
        text += f"; the TTR of the other {inside['n']:,} alone is {ratio(inside['ttr'])}"
    return f"{text}."


def _cut_off(results: Mapping[str, Any], n: int) -> str:
    cut = results["metrics"].get("truncated")
    if not cut:
        return ""
    text = f"Cut off: {cut:,} of {plural(n, 'text')}, by the limit of tokens"
    asked = results.get("asked")
    if asked is None:
        return f"{text} of whoever wrote them."
    return (
        f"{text} ({count(asked['sampling']['max_tokens'])}); a higher max_tokens in --gen_kwargs "
        "makes a run of its own, without cuts."
    )


def _refused(metrics: Metrics, n: int) -> str:
    said = []
    if refusals := metrics.get("refusals"):
        said.append(f"{_of(refusals, n)} {'a refusal' if refusals == 1 else 'refusals'}")
    if metrics.get("empty"):
        said.append(f"{_of(metrics['empty'], n)} empty")
    return f"Not written: {'; '.join(said)}." if said else ""


def _repeated(metrics: Metrics, n: int) -> str:
    said = []
    if metrics.get("repetition"):
        said.append(f"{_of(round(metrics['repetition'] * n), n)} caught in a loop of words")
    if metrics.get("near_duplicates"):
        same = round(metrics["near_duplicates"] * n)
        said.append(
            f"{_of(same, n)} {'a near-duplicate' if same == 1 else 'near-duplicates'} of a text "
            "for another prompt"
        )
    return f"Repetition: {'; '.join(said)}." if said else ""


def _of(some: int, n: int) -> str:
    return f"{some:,} of {plural(n, 'text')} {'is' if some == 1 else 'are'}"


def _too_short(metrics: Metrics, n: int) -> str:
    short = {
        name: n - there
        for key, name in {"ttr": "TTR", **_NAMES}.items()
        if (there := metrics.get(f"{key}_n")) is not None and there < n
    }
    if not short:
        return ""
    listed = ", ".join(f"{name} {texts:,}" for name, texts in short.items())
    return f"Too short for a measure, and not in its mean: {listed} of {plural(n, 'text')}."


def _data(data: Mapping[str, Any]) -> str:
    parts = []
    if data.get("short_prompts"):
        parts.append(f"{plural(data['short_prompts'], 'prompt')} of a few characters left out")
    if data.get("dropped_rows"):
        parts.append(f"{plural(data['dropped_rows'], 'bad row')} dropped (--bad_rows drop)")
    if data.get("left_out"):
        parts.append(f"{plural(data['left_out'], 'prompt')} left out (--genres, --limit)")
    return f"Data: {'; '.join(parts)}." if parts else ""
