"""Is one model better than another on the same pairs, or is it noise?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from harness.errors import DataError
from harness.metrics.table import FloatArray, IntArray, VerdictTable
from harness.metrics.uncertainty import (
    Interval,
    Stream,
    cluster_ci95,
    cluster_totals,
    generator,
)

FLIPS = 9_999
EXACT_CLUSTERS = 20
ALPHA = 0.05
_BLOCK = 2_000_000


@dataclass(frozen=True, slots=True)
class SignFlip:
    """The paired test: p, whether every flip was counted, and how many clusters differ."""

    p: float
    exact: bool
    clusters: int


@dataclass(frozen=True, slots=True)
class McNemar:
    """Pairs only the first model has right, only the second, and the exact p.

    It takes pairs as independent: it ignores that pairs share prompts.
    """

    first_only: int
    second_only: int
    p: float


@dataclass(frozen=True, slots=True)
class PairedTest:
    """Models `first` and `second` (places in the comparison): accuracy difference and tests.

    `p_holm` corrects the sign-flip p over all pairs of models; `mcnemar_p_holm` the same for
    McNemar's, over the pairs of models that have one.
    """

    first: int
    second: int
    difference: float
    ci95: Interval | None
    sign_flip: SignFlip
    p_holm: float
    mcnemar: McNemar | None
    mcnemar_p_holm: float | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """M models on the same pairs.

    `ranks`: best and worst rank of each model; `leaders`: the model with the highest accuracy,
    then those not significantly worse, by accuracy.
    """

    accuracy: tuple[float, ...]
    tests: tuple[PairedTest, ...]
    ranks: tuple[tuple[int, int], ...]
    leaders: tuple[int, ...]


def compare(
    values: Sequence[FloatArray], cluster: IntArray, *, one_verdict: Sequence[bool], seed: int
) -> Comparison:
    """Compare every two of M models by their values on the same N pairs (docs/design.md 5.5).

    `values` holds an array of N pair values a model, rows aligned; `cluster` N cluster codes;
    `one_verdict` says which runs have a single verdict a pair: McNemar's test is for those.
    Significant means Holm-corrected sign-flip p below 0.05. Raises DataError without pairs.
    """
    if not cluster.size:
        raise DataError("the runs have no pair in common: nothing to compare")
    places = list(combinations(range(len(values)), 2))
    drawn = enough_flips(len(places))
    flips = [sign_flip(values[a] - values[b], cluster, seed=seed, flips=drawn) for a, b in places]
    corrected = holm([flip.p for flip in flips])
    exact = [
        mcnemar(values[a], values[b]) if one_verdict[a] and one_verdict[b] else None
        for a, b in places
    ]
    exact_corrected = iter(holm([test.p for test in exact if test is not None]))
    tests = tuple(
        PairedTest(
            first=a,
            second=b,
            difference=float((values[a] - values[b]).mean()),
            ci95=cluster_ci95(*cluster_totals(values[a] - values[b], cluster), seed=seed),
            sign_flip=flip,
            p_holm=p,
            mcnemar=test,
            mcnemar_p_holm=None if test is None else next(exact_corrected),
        )
        for (a, b), flip, p, test in zip(places, flips, corrected, exact, strict=True)
    )
    means = tuple(float(value.mean()) for value in values)
    return Comparison(means, tests, rank_ranges(len(values), tests), leaders(means, tests))


def enough_flips(tests: int) -> int:
    """Flips for each of so many tests that Holm corrects together.

    It multiplies the smallest p by their number: with 9,999 flips no difference between 33 models
    could ever be significant. So there are 100 a test, where that is more.
    """
    return max(FLIPS, 100 * tests - 1)


def sign_flip(
    difference: FloatArray, cluster: IntArray, *, seed: int, flips: int = FLIPS
) -> SignFlip:
    """Two-sided p of the sum of N pair-value differences when whole clusters swap models.

    Under the null the sign of each cluster's sum is a fair coin. Every flip is counted with up
    to 20 clusters whose sum is not 0; else `flips` are drawn and p = (b + 1) / (flips + 1), b
    those with |sum| at least the observed. p = 1 when no cluster differs. Source: docs/design.md
    5.5.
    """
    sums, _ = cluster_totals(difference, cluster)
    sums = np.round(sums, 12)
    sums = sums[sums != 0]
    # sums equal on paper may differ in their last bits
    floor = abs(float(sums.sum())) - 1e-9 - 1e-12 * float(np.abs(sums).sum())
    if sums.size <= EXACT_CLUSTERS:
        flipped = np.zeros(1)
        for step in sums:
            flipped = np.concatenate([flipped + step, flipped - step])
        return SignFlip(float((np.abs(flipped) >= floor).mean()), True, sums.size)
    # clusters with equal |sum| are one kind: how many of them keep their sign is binomial
    sizes, counts = np.unique(np.abs(sums), return_counts=True)
    rng = generator(seed, Stream.SIGN_FLIP)
    block = max(1, _BLOCK // sizes.size)
    at_least = 0
    for done in range(0, flips, block):
        kept = rng.binomial(counts, 0.5, size=(min(block, flips - done), sizes.size))
        at_least += int((np.abs((2 * kept - counts) @ sizes) >= floor).sum())
    return SignFlip((at_least + 1) / (flips + 1), False, sums.size)


def mcnemar(first: FloatArray, second: FloatArray) -> McNemar:
    """Exact McNemar test of N pair values that are 0 or 1 (McNemar 1947, two-sided binomial).

    p = 1 where no pair tells the models apart. Raises ValueError for fractional values.
    """
    from scipy.stats import binomtest

    if not (np.isin(first, (0, 1)).all() and np.isin(second, (0, 1)).all()):
        raise ValueError("McNemar's test is for one verdict a pair")
    b, c = int((first > second).sum()), int((first < second).sum())
    return McNemar(b, c, float(binomtest(b, b + c, 0.5).pvalue) if b + c else 1.0)


def holm(p: Sequence[float]) -> list[float]:
    """Holm's step-down correction over all the given p values, in their order (Holm 1979)."""
    order = np.argsort(p, kind="stable")
    raised = np.asarray(p, np.float64)[order] * np.arange(len(p), 0, -1)
    corrected = np.empty(len(p))
    corrected[order] = np.minimum(np.maximum.accumulate(raised), 1.0)
    return [float(value) for value in corrected]


def rank_ranges(models: int, tests: Sequence[PairedTest]) -> tuple[tuple[int, int], ...]:
    """Best and worst rank: 1 + significantly better models .. models - significantly worse."""
    better, worse = [0] * models, [0] * models
    for test in tests:
        if test.p_holm >= ALPHA:
            continue
        ahead, behind = (
            (test.first, test.second) if test.difference > 0 else (test.second, test.first)
        )
        better[behind] += 1
        worse[ahead] += 1
    return tuple((1 + up, models - down) for up, down in zip(better, worse, strict=True))


def leaders(accuracy: Sequence[float], tests: Sequence[PairedTest]) -> tuple[int, ...]:
    """The model of highest accuracy and all that do not differ from it significantly."""
    by_accuracy = sorted(range(len(accuracy)), key=lambda model: -accuracy[model])
    apart = {frozenset((test.first, test.second)) for test in tests if test.p_holm < ALPHA}
    return tuple(model for model in by_accuracy if frozenset((by_accuracy[0], model)) not in apart)


def one_verdict(verdicts: VerdictTable) -> bool:
    """Whether every pair has a single verdict, so that its value is 0 or 1."""
    return bool((np.bincount(verdicts.pair) <= 1).all())
