"""Sentences about a judge: whose prompt, which rules, what order, repeats and kinship do to it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.metrics.uncertainty import FEWEST_CLUSTERS
from harness.reports.text import interval, percent, plural, points

LEANS = 0.10  # how far from a half the first text's share lies where one speaks of leaning
UNSTEADY = 0.80  # the share of outcomes that survive the other order, below which it is said


def judge_remark(results: Mapping[str, Any]) -> str:
    """Which file asked, and whose words it asked in; nothing for a model that scores."""
    judge = results.get("judge") or {}
    if "kind" not in judge:
        return ""
    text = f"Judge: {judge['name']} ({judge['kind']}, sha256 {str(judge['sha256'])[:8]})"
    if judge["kind"] == "pointwise":
        text += ", rates each text alone"
    elif judge.get("orders") == "seeded":
        text += ", saw each pair in one order, picked by the seed"
    if judge.get("published_prompt"):
        return f"{text}; its prompt is a published one: {judge['published_prompt']}."
    return (
        f"{text}; the prompt is the file's own wording, no published one, so published figures "
        "are not to be expected of it."
    )


def rules_remark(results: Mapping[str, Any]) -> str:
    """Accuracy by the further rules, beside the file's own."""
    rules = results.get("rules")
    if not rules:
        return ""
    others = ", ".join(
        f"{name} {percent(row.get('accuracy'))}% (coverage {percent(row.get('coverage'))}%)"
        for name, row in rules.items()
    )
    metrics = results["metrics"]
    own = f"{percent(metrics.get('accuracy'))}%"
    if metrics.get("coverage") is not None:
        own += f" (coverage {percent(metrics['coverage'])}%)"
    return f"Verdict rules: the same answers give {own} by the file's own rule; by {others}."


def ties_remark(results: Mapping[str, Any]) -> str:
    """How many pairs a judge that rates texts alone could not tell apart."""
    judge, metrics = results.get("judge") or {}, results["metrics"]
    ties, n = metrics.get("ties"), results["data"]["n"] * (judge.get("repeats") or 1)
    if judge.get("kind") != "pointwise" or not ties or not n:
        return ""
    return (
        f"Ties: equal ratings in {percent(ties / n)}% of the comparisons, counted wrong; as half "
        f"a point each the accuracy is {percent(metrics.get('accuracy_half'))}%."
    )


def order_remark(results: Mapping[str, Any]) -> str:
    """What showing one text first does, in plain words."""
    metrics, judge = results["metrics"], results.get("judge") or {}
    first, same = metrics.get("first_pick_rate"), metrics.get("consistency")
    if first is None and same is None:
        if judge.get("orders") != "seeded":
            return ""
        return "Order: one order a pair, so that a leaning to the first or second cannot be seen."
    seen = []
    if first is not None:
        seen.append(f"the first text shown wins in {percent(first)}%")
    if same is not None:
        seen.append(f"the outcome is the same in both orders in {percent(same)}%")
    text = f"Order: {', '.join(seen)}"
    if metrics.get("accuracy_both") is not None:
        where = "every answer" if (metrics.get("repeats") or 1) > 1 else "both"
        text += f", right in {where} in {percent(metrics['accuracy_both'])}%"
    said = [*_leaning(first), *_unsteady(same)]
    return f"{text}: {'; '.join(said)}." if said else f"{text}."


def _leaning(first: float | None) -> list[str]:
    if first is None or abs(first - 0.5) < LEANS:
        return []
    place = "first" if first > 0.5 else "second"
    much = "takes whatever is" if abs(first - 0.5) > 0.4 else "leans to what is"
    return [f"it {much} shown {place}"]


def _unsteady(same: float | None) -> list[str]:
    if same is None or same >= UNSTEADY:
        return []
    if same < 0.5:
        return ["a coin would give the same outcome in both orders more often"]
    return [f"in {percent(1 - same)}% of the pairs the order decides, or chance"]


def repeats_remark(results: Mapping[str, Any]) -> str:
    """What asking again changed."""
    metrics = results["metrics"]
    n = metrics.get("repeats") or 1
    if n < 2:
        return ""
    return (
        f"Repeats: {n} answers to each prompt, two of which give the same outcome in "
        f"{percent(metrics.get('repeat_agreement'))}%; their majority is right in "
        f"{percent(metrics.get('majority_accuracy'))}%, single repeats differ by an SD of "
        f"{percent(metrics.get('repeat_std'))} points."
    )


def self_remark(results: Mapping[str, Any]) -> str:
    """Whether the judge takes its own family's texts more often than people do."""
    own = results.get("self_preference")
    if not own or own.get("favour") is None:
        return ""
    text = (
        f"Self-preference: in {plural(own['n'], 'pair')} with one text by its own family "
        f"({own['family']}) it takes that text in {percent(own['picked_by_model'])}%, people in "
        f"{percent(own['picked_by_people'])}% ({points(own['favour'])}"
    )
    if own.get("ci95"):
        text += f", 95% interval {interval(own['ci95'], signed=True)}"
    ends = own.get("balanced_ci95")
    if own.get("balanced_favour") is None or not ends:
        return f"{text}). That is too one-sided or too little to tell favour from plain errors."
    text += (
        f"); had people taken it half of the time, {points(own['balanced_favour'])} "
        f"{interval(ends, signed=True)}."
    )
    if own["clusters"] < FEWEST_CLUSTERS:
        return f"{text} Too few clusters to tell anything."
    if ends[0] > 0:
        return f"{text} It favours its own."
    if ends[1] < 0:
        return f"{text} It takes its own less often than its errors explain."
    return f"{text} No favour can be told."
