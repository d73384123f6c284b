"""The power of growth: least squares on logarithms, and how sure it is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Fit:
    """value ~ size ** exponent; `error` is the exponent's standard error, nan of two points."""

    exponent: float
    error: float


def fit_power(sizes: Sequence[float], values: Sequence[float]) -> Fit:
    """The slope of log(value) over log(size) by least squares.

    What is not above 0 has no logarithm and is left out; nan with fewer than two sizes left.
    """
    known = [(n, v) for n, v in zip(sizes, values, strict=True) if n > 0 and v > 0]
    x, y = np.log(np.array(known, np.float64).reshape(-1, 2)).T
    if len(set(x.tolist())) < 2:
        return Fit(math.nan, math.nan)
    off = x - x.mean()
    spread = float(off @ off)
    slope = float(off @ y) / spread
    if x.size < 3:
        return Fit(slope, math.nan)
    rest = y - y.mean() - slope * off
    return Fit(slope, math.sqrt(float(rest @ rest) / (x.size - 2) / spread))
