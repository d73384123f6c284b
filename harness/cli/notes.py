"""What is said below the numbers of a run: what its calls came to, and why verdicts are missing."""

from __future__ import annotations

from collections import Counter
from typing import Any

_REASON = 100  # characters of a reason that are shown


def judge_notes(result: Any) -> list[str]:
    """What a judge's calls came to: retries, tokens, money."""
    counts, cost = result.manifest.get("counts", {}), result.manifest.get("cost")
    if "calls" not in counts:
        return []
    text = f"{counts['calls']:,} calls"
    if counts["retries"]:
        kinds = ", ".join(f"{n:,} x {kind}" for kind, n in sorted(counts["retries"].items()))
        text += f", {sum(counts['retries'].values()):,} of them again (after {kinds})"
    if counts["tokens_in"] is not None:
        text += f"; {counts['tokens_in']:,} tokens in"
    if counts["tokens_out"] is not None:
        text += f", {counts['tokens_out']:,} out"
    if counts["tokens_reasoning"]:
        text += f" ({counts['tokens_reasoning']:,} of them reasoning)"
    if cost and cost["amount"] is not None:
        text += f"; {cost['currency']} {cost['amount']:,.4f}"
    return [text]


def failure_notes(result: Any) -> list[str]:
    """Why there is no verdict, the commonest reasons first, and the way out."""
    from harness.stored import reasons

    metrics = result.results["metrics"]
    errors, unparsed = metrics.get("errors", 0), metrics.get("unparsed", 0)
    if not (errors or unparsed):
        return []
    why = reasons(result.folder)
    notes = []
    if errors:
        are = "verdict is an error" if errors == 1 else "verdicts are errors"
        text = f"{errors:,} {are}{_commonest(why['error'])}"
        notes.append(f"{text}; the same command again tries them once more")
    if unparsed:
        are = "verdict is" if unparsed == 1 else "verdicts are"
        text = f"{unparsed:,} {are} unparsed{_commonest(why['unparsed'])}"
        if any("(length)" in reason for reason in why["unparsed"]):
            text += "; a higher max_tokens in --gen_kwargs makes a run of its own, without cuts"
        notes.append(text)
    return notes


def _commonest(counted: Counter[str]) -> str:
    """The three commonest reasons, cut to what fits a line."""
    told = counted.most_common(3)
    said = [
        f"{n:,} x {why if len(why) <= _REASON else why[: _REASON - 1] + '…'}" for why, n in told
    ]
    others = counted.total() - sum(n for _, n in told)
    if others:
        said.append(f"{others:,} for other reasons")
    return f" ({'; '.join(said)})" if said else ""
