"""What is counted while a server is asked, for the manifest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from harness.models.server.reply import Reply

_MOST_NAMES = 8  # a server may well answer under a new name every time


@dataclass(slots=True)
class Tally:
    """Requests sent, repeats by what made them necessary, and how the server called itself."""

    calls: int = 0
    retries: Counter[str] = field(default_factory=Counter)
    lowest: int | None = None
    models: list[str] = field(default_factory=list)
    fingerprints: list[str] = field(default_factory=list)

    def saw(self, reply: Reply) -> None:
        """Remember the names of an answer, the first few."""
        for seen, name in ((self.models, reply.model), (self.fingerprints, reply.fingerprint)):
            if name is not None and name not in seen and len(seen) < _MOST_NAMES:
                seen.append(name)

    def facts(self) -> Mapping[str, Any]:
        """As the manifest has it."""
        return {
            "calls": self.calls,
            "retries": dict(sorted(self.retries.items())),
            "lowest_concurrency": self.lowest,
            "served_models": list(self.models),
            "system_fingerprints": list(self.fingerprints),
        }
