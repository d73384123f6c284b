"""Who leads an arena, and what may be said of it in a plain sentence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from harness.metrics.paired import ALPHA
from harness.reports.text import interval, p_equals, percent, plural

_NAMED = 6  # runs that one sentence names


@dataclass(frozen=True, slots=True)
class Standing:
    """The places of the runs best first, and of those that no run is significantly better than;
    `told` is whether any two differ at all."""

    order: tuple[int, ...]
    leaders: tuple[int, ...]
    told: bool


def standing(results: Mapping[str, Any]) -> Standing:
    """Best first by strength; where runs share no scale, by rank range and mean win rate."""
    names = results["runs"]
    rows = [results["bradley_terry"][name] for name in names]

    def place(run: int) -> tuple[float, ...]:
        strength = rows[run]["strength"]
        if strength is not None:
            return (-strength,)
        return (sum(rows[run]["rank"]), -(mean_win_rate(results, run) or 0.0))

    order = tuple(sorted(range(len(names)), key=place))
    told = any(significant(results, a, b) for a, b in combinations(order, 2))
    leaders = tuple(run for run in order if rows[run]["rank"][0] == 1)
    return Standing(order, leaders if told else (), told)


def decisive(results: Mapping[str, Any]) -> list[list[float | None]]:
    """The corrected p that ranks are made of: by prompts where a prompt was judged again."""
    found: list[list[float | None]] = results.get("p_prompts_holm") or results["p_holm"]
    return found


def significant(results: Mapping[str, Any], a: int, b: int) -> bool:
    """Whether two runs differ (corrected p below 0.05)."""
    p = decisive(results)[a][b]
    return p is not None and p < ALPHA and results["wins"][a][b] != results["wins"][b][a]


def beats(results: Mapping[str, Any], a: int, b: int) -> bool:
    """Whether run `a` is significantly better than run `b`."""
    return significant(results, a, b) and results["wins"][a][b] > results["wins"][b][a]


def mean_win_rate(numbers: Mapping[str, Any], run: int) -> float | None:
    """The mean of a run's win rates over the runs it met; None where it met none."""
    rates = [rate for rate in numbers["win_rate"][run] if rate is not None]
    return sum(rates) / len(rates) if rates else None


def ranks(ends: Sequence[int]) -> str:
    """Best and worst rank as one word: 1-3, or 2."""
    return "-".join(str(rank) for rank in sorted(set(ends)))


def arena_headline(results: Mapping[str, Any]) -> str:
    """Who leads, or that nobody can be told apart."""
    names, found = results["runs"], standing(results)
    where = plural(results["prompts"], "prompt")
    if results.get("baseline") in names:
        return _against_baseline(results, names.index(results["baseline"]), where)
    if len(names) == 2:
        return _of_two(results, *found.order, where=where)
    if not found.told:
        return f"No difference can be told between the {len(names)} runs at {where}."
    if not found.leaders:
        return f"Nobody leads: every run is beaten by another (Holm p < {ALPHA}), at {where}."
    first, *others = (names[run] for run in found.leaders)
    if others:
        return f"{first} comes first; tied with it: {_listed(others)}, at {where}."
    if results["bradley_terry"][first]["rank"][1] == 1:
        return f"{first} leads: it beats every other run (Holm p < {ALPHA}), at {where}."
    return f"{first} alone is beaten by no other run (Holm p < {ALPHA}), at {where}."


def _of_two(results: Mapping[str, Any], a: int, b: int, *, where: str) -> str:
    names, n = results["runs"], results["n"][a][b]
    if not n:
        return f"{names[a]} and {names[b]} have no valid verdict between them."
    p = decisive(results)[a][b]
    # Wilson's interval takes every choice for a prompt as one of its own
    key, of = (
        ("win_ci95", "95% interval") if results.get("p_prompts") else ("wilson95", "Wilson 95%")
    )
    told = (
        f"{percent(results['win_rate'][a][b])}% of {plural(n, 'comparison')}, {of} "
        f"{interval(results[key][a][b])}"
    )
    told += f", {p_equals(p)}" if p is not None else ""
    if beats(results, a, b):
        return f"{names[a]} beats {names[b]} in {told}, at {where}."
    return (
        f"No difference can be told between {names[a]} and {names[b]} at {where}: the first wins "
        f"{told}."
    )


def _against_baseline(results: Mapping[str, Any], base: int, where: str) -> str:
    names = results["runs"]
    others = [run for run in range(len(names)) if run != base]
    better = [names[run] for run in others if beats(results, run, base)]
    worse = [names[run] for run in others if beats(results, base, run)]
    same = len(others) - len(better) - len(worse)
    parts = [f"better: {_listed(better)}"] if better else []
    parts += [f"worse: {_listed(worse)}"] if worse else []
    parts += [f"not to be told from it: {same}"] if same else []
    return f"Against {names[base]} at {where}: {'; '.join(parts)} (Holm p < {ALPHA})."


def _listed(names: list[str]) -> str:
    shown = ", ".join(names[:_NAMED])
    return shown + (f" and {len(names) - _NAMED} more" if len(names) > _NAMED else "")
