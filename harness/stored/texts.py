"""What a run wrote, read back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.errors import DataError
from harness.metrics.lines import Line
from harness.records import Measures, Prompt, Text, TextKey
from harness.stored.files import MEASURES, PROMPTS, TEXTS, decoded
from harness.stored.runs import read_results


@dataclass(frozen=True, slots=True)
class FinishedWriting:
    """A finished run that wrote, read back: its prompts, and the texts that count."""

    folder: Path
    manifest: dict[str, Any]
    results: dict[str, Any]
    prompts: tuple[Prompt, ...]
    texts: dict[TextKey, Text]


def last_texts(folder: Path) -> dict[TextKey, Text]:
    """The text of every (prompt_id, repeat), by its last line."""
    return {text.key: text for text in decoded(folder / TEXTS, Text)}


def in_order(texts: Iterable[Text], prompts: Sequence[Prompt]) -> list[Text]:
    """Texts in the order of their prompts and repeats: that of their lines is one of chance."""
    place = {prompt.prompt_id: number for number, prompt in enumerate(prompts)}
    return sorted(texts, key=lambda text: (place[text.prompt_id], text.repeat))


def read_measures(folder: Path) -> list[Measures]:
    """measures.jsonl of a finished run."""
    return list(_there(folder, MEASURES, Measures))


def read_writing(folder: Path) -> FinishedWriting:
    """A finished run that wrote; DataError where it is none."""
    manifest, results = read_results(folder)
    if results.get("kind") != "writing":
        raise DataError(f"{folder}: a run of kind {results.get('kind')}, and no texts")
    prompts = tuple(_there(folder, PROMPTS, Prompt))
    texts = {text.key: text for text in _there(folder, TEXTS, Text)}
    return FinishedWriting(folder, manifest, results, prompts, texts)


def _there(folder: Path, name: str, record: type[Line]) -> Iterator[Line]:
    if not (folder / name).is_file():
        raise DataError(f"{folder}: no {name} any more; run the same command again with --fresh")
    return decoded(folder / name, record)
