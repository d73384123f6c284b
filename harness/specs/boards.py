"""Leaderboards: which task a board ranks."""

from __future__ import annotations

from typing import Literal

from harness.specs.base import Name, StrictSpec


class BoardSpec(StrictSpec):
    """A leaderboard: runs of one task; of a writing task its arenas, too.

    `source` says where its reported numbers come from, `note` what a reader should know first.
    """

    kind: Literal["board"]
    name: Name
    about: str = ""
    task: Name
    source: str = ""
    note: str = ""
