"""What is said below the numbers of a run: what its calls came to, and what is missing and why."""

from __future__ import annotations

from collections import Counter
from typing import Any

_REASON = 100  # characters of a reason that are shown
_AGAIN = "the same command again tries them once more"
_LONGER = "a higher max_tokens in --gen_kwargs makes a run of its own, without cuts"


def judge_notes(result: Any) -> list[str]:
    """What the calls of a judge or writer came to: retries, tokens, money."""
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
    """Why something is missing, the commonest reasons first, and the way out."""
    if result.results.get("kind") == "writing":
        return _missing_texts(result)
    return _missing_verdicts(result)


def _missing_verdicts(result: Any) -> list[str]:
    from harness.stored import reasons

    # an arena counts its verdicts beside what the order of showing did
    metrics = result.results.get("metrics") or result.results.get("order") or {}
    errors, unparsed = metrics.get("errors", 0), metrics.get("unparsed", 0)
    if not (errors or unparsed):
        return []
    why = reasons(result.folder)
    notes = []
    if errors:
        are = "verdict is an error" if errors == 1 else "verdicts are errors"
        notes.append(f"{errors:,} {are}{_commonest(why['error'])}; {_AGAIN}")
    if unparsed:
        are = "verdict is" if unparsed == 1 else "verdicts are"
        text = f"{unparsed:,} {are} unparsed{_commonest(why['unparsed'])}"
        if any("(length)" in reason for reason in why["unparsed"]):
            text += f"; {_LONGER}"
        notes.append(text)
    return notes


def _missing_texts(result: Any) -> list[str]:
    from harness.stored import unwritten

    metrics = result.results["metrics"]
    # what others wrote is as it is: nobody can be asked again
    elsewhere = result.results["model"]["backend"] == "texts"
    errors, cut = metrics.get("errors", 0), metrics.get("truncated", 0)
    notes = []
    if errors:
        why = _commonest(unwritten(result.folder))
        text = f"{errors:,} {'text is' if errors == 1 else 'texts are'} missing{why}"
        notes.append(text if elsewhere else f"{text}; {_AGAIN}")
    if cut:
        text = f"{cut:,} {'text was' if cut == 1 else 'texts were'} cut off by the limit of tokens"
        notes.append(text if elsewhere else f"{text}; {_LONGER}")
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
