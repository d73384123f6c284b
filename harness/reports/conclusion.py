"""What a comparison allows to be said, in one plain sentence."""

from __future__ import annotations

from collections.abc import Sequence

from harness.metrics.paired import ALPHA, PairedTest
from harness.reports.comparison import RunComparison
from harness.reports.text import p_equals, percent, plural

_FEW = 5  # 2 ** (1 - 5) = 0.0625: five clusters cannot reach 0.05


def conclusion(found: RunComparison) -> str:
    """What may be said, in plain words."""
    if len(found.labels) == 2:
        return _of_two(found, found.tests.tests[0])
    names = [found.labels[place] for place in found.tests.leaders]
    if len(names) == 1:
        return f"{names[0]} leads: it is better than every other run (Holm p < {ALPHA})."
    if not any(test.p_holm < ALPHA for test in found.tests.tests):
        return (
            f"No difference can be told between the {len(found.labels)} runs at "
            f"{plural(found.n, 'pair')}{_reach(found.smallest)}."
        )
    return f"{names[0]} has the highest accuracy; tied with it: {', '.join(names[1:])}."


def _of_two(found: RunComparison, test: PairedTest) -> str:
    if not test.sign_flip.clusters:
        return "The two runs score the same in every cluster: there is no difference to test."
    p = test.sign_flip.p
    if p < ALPHA:
        winner, loser = (0, 1) if test.difference > 0 else (1, 0)
        return (
            f"{found.labels[winner]} is better than {found.labels[loser]} by "
            f"{percent(abs(test.difference))} points ({p_equals(p)})."
        )
    text = (
        f"No difference can be told at {plural(found.n, 'pair')} ({p_equals(p)})"
        f"{_reach(found.smallest)}"
    )
    if test.sign_flip.clusters <= _FEW:
        text += (
            f"; the runs differ in only {plural(test.sign_flip.clusters, 'cluster')}, and the "
            f"test needs {_FEW + 1} to reach p < {ALPHA} at all"
        )
    return f"{text}."


def _reach(smallest: Sequence[float | None]) -> str:
    known = [value for value in smallest if value is not None]
    if not known:
        return ""
    ends = sorted({percent(min(known)), percent(max(known))}, key=float)
    return (
        f"; the smallest difference this could show (80% power) is about {' to '.join(ends)} points"
    )
