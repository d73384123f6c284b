"""How many calls may be in flight: fewer when a server is too busy, more while it keeps up."""

from __future__ import annotations


class Limits:
    """A limit that starts at its maximum, halves under pressure and recovers step by step.

    Every call belongs to the `era` in which it was started, and a shrink begins a new one. What
    comes back of an earlier era moves nothing: the calls of one burst shrink the limit once, and
    answers to calls that were sent before the shrink do not undo it. While calls are answered
    the limit grows by one a call, at most by 5 % of its maximum (one at least) a full round.

    `choked`: refused, and nothing answered since. Then calls that were refused are tried again,
    but no new ones are sent into the storm, until an answer comes or a call had to be given up.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self.era = 0
        self.lowest = most
        self.resumes_at = float("-inf")
        self._width = float(most)
        self._step = max(1.0, most / 20)
        self._refused = False
        self._gave_up = False

    @property
    def width(self) -> int:
        """Calls that may be in flight now."""
        return int(self._width)

    @property
    def choked(self) -> bool:
        """Whether new calls should wait for those that were refused."""
        return self._refused and not self._gave_up

    def answered(self, era: int) -> None:
        """A call of this era was answered."""
        self._refused = self._gave_up = False
        if era == self.era and self._width < self.most:
            self._width = min(self.most, self._width + min(1.0, self._step / self._width))

    def refused(self, era: int) -> bool:
        """A call of this era found the server too busy; True where the limit shrank."""
        self._refused = True
        if era != self.era:
            return False
        self.era += 1
        self._width = float(max(1, self.width // 2))
        self.lowest = min(self.lowest, self.width)
        return True

    def gave_up(self) -> None:
        """A call was given up: waiting did not help."""
        self._gave_up = True

    def pause(self, until: float) -> None:
        """No call starts before this time of the caller's clock."""
        self.resumes_at = max(self.resumes_at, until)
