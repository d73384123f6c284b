"""Growth: time and memory at 1, 4, 16 and 64 times the work, and the power they grow with."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from harness.bench.apart import Timed
from harness.bench.fit import Fit, fit_power
from harness.bench.growth_parts import PARTS, Part, run_part
from harness.bench.pipe import pipe_table
from harness.errors import UsageError, unknown_name
from harness.progress import Progress, Silent

FACTORS = (1, 4, 16, 64)
_LEAST = 2  # units of the run that has next to nothing to do


@dataclass(frozen=True, slots=True)
class Grown:
    """A part at every size: `idle` is the run with next to nothing to do, `units` the sizes."""

    part: Part
    idle: Timed
    units: tuple[int, ...]
    timed: tuple[Timed, ...]

    @property
    def time(self) -> Fit:
        """How the processor seconds over those of the idle run grow: start-up hides a power.

        Sizes that take less than a tenth more than the idle run say nothing, and are left out.
        """
        above = [one.cpu - self.idle.cpu for one in self.timed]
        known = [(n, s) for n, s in zip(self.units, above, strict=True) if s > 0.1 * self.idle.cpu]
        return fit_power([n for n, _ in known], [s for _, s in known])

    @property
    def last_step(self) -> float:
        """The power between the two last steps, where all that is constant cancels.

        n ** e at sizes that grow by the same factor has differences that grow as it does; nan
        where a difference is not above 0, or with fewer than three sizes.
        """
        if len(self.units) < 3:
            return math.nan
        steps = np.diff([one.cpu for one in self.timed])[-2:]
        return fit_power(self.units[-2:], steps.tolist()).exponent

    @property
    def memory(self) -> Fit:
        """How peak memory grows, start and all."""
        return fit_power(self.units, [one.peak for one in self.timed])

    @property
    def bytes_a_unit(self) -> float:
        """Peak memory that a unit more brings, between the two largest sizes."""
        *_, before, last = self.timed
        return (last.peak - before.peak) * 2**20 / (self.units[-1] - self.units[-2])


def bench_growth(
    *,
    pairs: int = 64_000,
    only: Sequence[str] = (),
    factors: Sequence[int] = FACTORS,
    progress: Progress | None = None,
) -> tuple[Grown, ...]:
    """Each part at each size in a process of its own, `pairs` being the largest file of pairs.

    Files are made beforehand, in temporary folders: about 10 KB a pair. `only` names parts.
    Raises UsageError for an unknown part, or for too few pairs to be divided.
    """
    for name in only:
        if name not in PARTS:
            raise UsageError("--only: " + unknown_name("part", name, PARTS))
    chosen = {name: part for name, part in PARTS.items() if name in (only or PARTS)}
    least = math.ceil(_LEAST * factors[-1] / min(part.times for part in chosen.values()))
    if pairs < least:
        raise UsageError(f"--pairs {pairs}: at least {least:,}, so that the smallest size has work")
    progress = progress or Silent()
    progress.start("measuring", len(chosen) * (len(factors) + 1), "sizes")
    grown = []
    for part in chosen.values():
        once = int(pairs * part.times / factors[-1])
        units = tuple(once * factor for factor in factors)
        timed = []
        for size in (_LEAST, *units):
            timed.append(run_part(part, size))
            progress.advance(1)
        grown.append(Grown(part, timed[0], units, tuple(timed[1:])))
    progress.finish()
    return tuple(grown)


def markdown(grown: Sequence[Grown]) -> str:
    """The tables of time and of memory as documentation holds them."""
    heads = ["", "most", "idle", *(f"{size}x" for size in _factors(grown))]
    seconds = [
        [
            *(row.part.about, f"{row.units[-1]:,} {row.part.unit}"),
            *(f"{one.cpu:.2f}" for one in (row.idle, *row.timed)),
            *(f"{row.timed[-1].seconds:.2f}", _said(row.time), _said(Fit(row.last_step, math.nan))),
        ]
        for row in grown
    ]
    memory = [
        [
            *(row.part.about, f"{row.units[-1]:,} {row.part.unit}"),
            *(f"{one.peak:,.0f}" for one in (row.idle, *row.timed)),
            *(f"{row.bytes_a_unit:,.0f}", _said(row.memory)),
        ]
        for row in grown
    ]
    return (
        "Processor seconds; idle: the same work on next to nothing; exponent: of what is above "
        "idle; last step: of the growth between the three largest sizes alone\n\n"
        f"{pipe_table(seconds, [*heads, 'wall s', 'exponent', 'last step'], text=0)}\n\n"
        "Peak memory of the process in MiB, and the bytes that each unit more brings between the "
        "two largest sizes\n\n"
        f"{pipe_table(memory, [*heads, 'bytes a unit', 'exponent'], text=0)}\n"
    )


def _factors(grown: Sequence[Grown]) -> list[int]:
    return [round(size / grown[0].units[0]) for size in grown[0].units]


def _said(fit: Fit) -> str:
    if math.isnan(fit.exponent):
        return "-"
    return f"{fit.exponent:.2f}" + ("" if math.isnan(fit.error) else f" ± {fit.error:.2f}")
