"""What a paper reports of a study's models, where they are its own."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from harness.bundled import bundled_dir
from harness.metrics.uncertainty import wilson95
from harness.specs import WritingSpec

Cell = tuple[float, tuple[float, float]]  # a share, and Wilson's interval of its count


@dataclass(frozen=True, slots=True)
class Published:
    """The published numbers of one language; a label the paper lacks has null everywhere."""

    source: str
    language: str
    prompts: int
    document: dict[str, Any]

    def win(self, row: str, column: str) -> Cell | None:
        """How often the row's model won: the share, and the interval its whole count gives."""
        models = self.document["models"]
        if row not in models or column not in models:
            return None
        table = self.document["win_rate_percent_row_beats_column"][self.language]["matrix"]
        value = table[models.index(row)][models.index(column)]
        if value is None:
            return None
        k = round(value * self.prompts / 100)
        ends = wilson95(k, self.prompts)
        assert ends is not None
        return k / self.prompts, (ends[0], ends[1])

    def ttr(self, label: str, what: str) -> float | None:
        """`mean` or `median` TTR."""
        return self._of(label, self.document["ttr"][self.language][what])

    def length(self, label: str, unit: str) -> float | None:
        """Mean `chars` or `tokens` of a text."""
        return self._of(label, self.document["mean_output_length"][self.language][unit])

    def in_chinese(self, label: str) -> float | None:
        """The share of English prompts answered in Chinese."""
        found = self.document.get("english_prompts_answered_in_chinese_percent")
        value = None if found is None else self._of(label, found)
        return None if value is None else value / 100

    def rows(self, label: str) -> dict[str, int] | None:
        """The rows of each source."""
        found: dict[str, int] | None = self.document["mixtures"].get(label)
        return found

    def _of(self, label: str, values: Sequence[float]) -> float | None:
        models = self.document["models"]
        return float(values[models.index(label)]) if label in models else None


def published(task: WritingSpec) -> Published | None:
    """What a paper reports for a task: that of the board of the same name, where it has any."""
    file = bundled_dir("leaderboards") / task.name / "published.json"
    if not file.is_file():
        return None
    document = json.loads(file.read_text(encoding="utf-8"))
    rates = document.get("win_rate_percent_row_beats_column", {}).get(task.language)
    if rates is None:
        return None
    return Published(document["source"], task.language, rates["n"], document)
