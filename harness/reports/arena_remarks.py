"""Sentences about an arena: whose verdicts, what failed, what order did, what diversity says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.reports.arena_standing import arena_headline
from harness.reports.diversity import diversity_sentence
from harness.reports.judge_remarks import judge_remark, order_remark
from harness.reports.text import percent, plural


def arena_title(results: Mapping[str, Any], name: str = "") -> str:
    """Who judged whom, on one line; `name` tells one arena from others."""
    arena = f"arena {name}" if name else "arena"
    runs = f"{arena}: {plural(len(results['runs']), 'run')}"
    if results.get("model"):
        return f"{runs}, judged by {results['model']['name']}"
    people = results.get("annotators") or {}
    n = len(people.get("annotators") or {})
    return f"{runs}, judged by {n} {'person' if n == 1 else 'people'}"


def arena_opening(results: Mapping[str, Any]) -> list[str]:
    """The headline, and how much it stands on."""
    languages = ", ".join(sorted(results["languages"]))
    counted = (
        f"{plural(results['units'], 'comparison')} on {plural(results['prompts'], 'prompt')} "
        f"({languages}); {plural(results['order']['verdicts'], 'verdict')}."
    )
    return [arena_headline(results), counted]


def arena_remarks(results: Mapping[str, Any]) -> list[str]:
    """What is worth saying, in the order a reader asks; nothing where there is nothing to say."""
    found = [
        judge_remark(results),
        _plays_itself(results),
        _failures(results),
        order_remark({"metrics": results["order"], "judge": results.get("judge")}),
        _ties(results["order"]),
        diversity_sentence(results.get("diversity")),
    ]
    return [sentence for sentence in found if sentence]


def _plays_itself(results: Mapping[str, Any]) -> str:
    judge = (results.get("model") or {}).get("name")
    if judge not in [player["name"] for player in results.get("players") or []]:
        return ""
    return f"Self-preference: the judge, {judge}, is one of the runs, and may favour its own texts."


def _failures(results: Mapping[str, Any]) -> str:
    order = results["order"]
    bad = order["unparsed"] + order["errors"]
    failed = sum(n or 0 for row in results["failed"] for n in row) // 2
    if not (bad or failed):
        return ""
    said = [f"{order['unparsed']:,} unparsed and {plural(order['errors'], 'error')}"] if bad else []
    if order["one_order"]:
        said.append(f"{order['one_order']:,} judged in one order only")
    return (
        f"Failures: {'; '.join(said)}: coverage {percent(order['coverage'])}%. "
        f"{plural(failed, 'comparison')} of {results['units']:,} {_are(failed)} in no win rate."
    )


def _are(n: int) -> str:
    return "is" if n == 1 else "are"


def _ties(order: Mapping[str, Any]) -> str:
    ties, valid = order["ties"], order["verdicts"] - order["unparsed"] - order["errors"]
    return f"Ties: {percent(ties / valid)}% of the valid verdicts." if ties and valid else ""
