"""The folder of a run that writes: prompts, texts, and what was measured on them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

from harness.records import Measures, Prompt, Text, TextKey
from harness.store.folder import Folder
from harness.stored import MEASURES, PROMPTS, TEXTS, last_texts


class WritingFolder(Folder):
    """What a model wrote."""

    needed: ClassVar[tuple[str, ...]] = (PROMPTS, TEXTS, MEASURES)

    def write_prompts(self, prompts: Iterable[Prompt]) -> None:
        """prompts.jsonl, whole."""
        self.write_records(PROMPTS, prompts)

    def append_texts(self, texts: Sequence[Text]) -> None:
        """Add lines to texts.jsonl."""
        self._append(TEXTS, texts)

    def write_measures(self, measures: Iterable[Measures]) -> None:
        """measures.jsonl, whole: it follows from texts.jsonl."""
        self.write_records(MEASURES, measures)

    def texts(self) -> dict[TextKey, Text]:
        """The text of every (prompt_id, repeat) on disk, by its last line."""
        self._cut(TEXTS)
        return last_texts(self.path)
