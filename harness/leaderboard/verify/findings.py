"""What a check found: one sentence each, where it stands, and how many of a kind are shown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

SHOWN = 20  # findings of one kind in one part


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that does not hold, in `part` and `line` (from 1) of a submission.

    `check` is the kind: archive, schema, checksum, board, data, identity, mixture, verdicts,
    margin, scores, raw, null, numbers, texts, duplicate. A `note` is no fault: what could not be
    checked, or what a reader should know.
    """

    check: str
    message: str
    part: str | None = None
    line: int | None = None
    note: bool = False

    def __str__(self) -> str:
        place = self.part or ""
        if self.line is not None:
            place += f" line {self.line:,}"
        return f"{place}: {self.message}" if place else self.message


def note(check: str, message: str) -> Finding:
    """What could not be checked, or what a reader should know."""
    return Finding(check, message, note=True)


def limited(findings: Iterable[Finding]) -> Iterator[Finding]:
    """The first 20 of each kind and part, then how many more there are: a file of a million bad
    lines takes no more memory than one of twenty."""
    seen: Counter[tuple[str, str | None]] = Counter()
    for finding in findings:
        kind = (finding.check, finding.part)
        seen[kind] += 1
        if seen[kind] <= SHOWN:
            yield finding
    for (check, part), n in seen.items():
        if n > SHOWN:
            yield Finding(check, f"and {n - SHOWN:,} more of this kind", part)
