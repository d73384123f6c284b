"""Small arenas for the tests of their statistics, built through the real reader."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import combinations
from typing import Any

import numpy as np

from harness.metrics.arena import Units, read_units
from harness.records import ArenaVerdict, json_line


def arena_line(run_a: str, run_b: str, prompt_id: str, outcome: Any, **changes: Any) -> bytes:
    """A line of an arena's verdicts.jsonl, with fields changed at will."""
    fields = {"tag": "story", "genre": "Fiction", "language": "en", "order": None} | changes
    record = ArenaVerdict(
        run_a=run_a, run_b=run_b, prompt_id=prompt_id, outcome=outcome, **fields
    )  # fmt: skip
    return json_line(record).encode()


def ranked(
    runs: Sequence[str], prompt_id: str, order: Sequence[int], **changes: Any
) -> list[bytes]:
    """One ranking of all runs, best first, as choices between every two of them."""
    return [
        arena_line(
            runs[a], runs[b], prompt_id, "a" if order.index(a) < order.index(b) else "b", **changes
        )
        for a, b in combinations(range(len(runs)), 2)
    ]


def random_lines(
    seed: int, *, runs: int = 4, prompts: int = 30, annotators: Sequence[str | None] = (None,)
) -> list[bytes]:
    """Every two runs on every prompt by every annotator, the earlier run being better."""
    rng = np.random.default_rng(seed)
    lines = []
    for prompt in range(prompts):
        for a, b in combinations(range(runs), 2):
            lead = 0.08 * (b - a)
            for annotator in annotators:
                outcome = rng.choice(
                    ["a", "b", "tie", "error"], p=[0.45 + lead, 0.4 - lead, 0.1, 0.05]
                )
                lines.append(
                    arena_line(
                        f"m{a}",
                        f"m{b}",
                        f"q{prompt}",
                        str(outcome),
                        annotator=annotator,
                        genre=f"G{prompt % 3}",
                        language=("en", "zh")[prompt % 2],
                    )
                )
    return lines


def won(wins: int, losses: int, ties: int = 0, **changes: Any) -> Iterable[bytes]:
    """m0 against m1 on a prompt each."""
    outcomes = ["a"] * wins + ["b"] * losses + ["tie"] * ties
    for number, outcome in enumerate(outcomes):
        yield arena_line("m0", "m1", f"q{number}", outcome, **changes)


def units(lines: Iterable[bytes]) -> Units:
    """The units of an arena."""
    return read_units(lines)
