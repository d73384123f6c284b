"""When a call that failed is made again."""

from __future__ import annotations

import email.utils
import math
import random
from collections.abc import Mapping
from dataclasses import dataclass

LONGEST_PAUSE = 120.0  # seconds of a Retry-After that are obeyed at a time


@dataclass(frozen=True, slots=True)
class Retries:
    """How often and how patiently.

    The n-th wait is `first` x 2^(n-1) seconds, at most `longest`, stretched by up to half at
    random so that calls that failed together do not come back together. With the defaults the
    waits of one call add up to 64 to 95 s: a quota counted by the minute, the commonest kind,
    has been refilled before a call is given up.
    """

    most: int = 7
    first: float = 0.5
    longest: float = 60.0

    def wait(self, failures: int, rng: random.Random) -> float:
        """Seconds to wait after so many failures of a call (1 or more)."""
        return min(self.longest, self.first * 2.0 ** (failures - 1)) * rng.uniform(1.0, 1.5)


def retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds a server asks to wait, or None where it says nothing that can be used.

    `retry-after-ms` is milliseconds, `retry-after` seconds or an HTTP date; `now` is seconds since
    1970. Zero or less counts as nothing said: the own wait is taken then.
    """
    seconds = _number(headers.get("retry-after-ms"), 1000)
    said = headers.get("retry-after")
    if seconds is None:
        seconds = _number(said, 1)
    if seconds is None and said is not None:
        try:
            seconds = email.utils.parsedate_to_datetime(said).timestamp() - now
        except (ValueError, OverflowError):
            return None
    return seconds if seconds is not None and seconds > 0 else None


def _number(text: str | None, per_second: int) -> float | None:
    try:
        value = float(text) / per_second if text is not None else math.nan
    except ValueError:
        return None
    return value if math.isfinite(value) else None
