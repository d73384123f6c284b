"""How a job says where it stands; the command line draws it, a library caller hears nothing."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """A listener. Jobs call it; only `cli` prints."""

    def notice(self, message: str) -> None:
        """Something the user should know, once."""

    def start(self, what: str, total: int, unit: str) -> None:
        """A piece of work of `total` units begins."""

    def advance(self, n: int, *, tokens: int = 0) -> None:
        """`n` more units are done, and `tokens` were written with them."""

    def finish(self) -> None:
        """The piece of work is over."""


class Silent:
    """The listener of a library call."""

    def notice(self, message: str) -> None: ...
    def start(self, what: str, total: int, unit: str) -> None: ...
    def advance(self, n: int, *, tokens: int = 0) -> None: ...
    def finish(self) -> None: ...
