"""Files of a run folder read back: their names, JSON objects, and lines of JSONL."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from harness.errors import DataError
from harness.metrics.lines import Line, decode_slowly

MANIFEST, RESULTS, REPORT = "manifest.json", "results.json", "report.md"
PAIRS, SCORES, VERDICTS = "pairs.jsonl", "scores.jsonl", "verdicts.jsonl"
PROMPTS, TEXTS, MEASURES = "prompts.jsonl", "texts.jsonl", "measures.jsonl"
BUFFER = 1 << 20  # a million lines are read a quarter of a second sooner
_WAY_OUT = "take it out and run the same command again, or start over with --fresh"


def read_json(path: Path) -> dict[str, Any] | None:
    """The object in a JSON file of a run folder, or None where there is no file."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: cannot be read ({error}); {_WAY_OUT}") from None
    if not isinstance(value, dict):
        raise DataError(f"{path}: must be a JSON object; {_WAY_OUT}")
    return value


def decoded(path: Path, record: type[Line]) -> Iterator[Line]:
    """The fields of `record` of every whole line of a JSONL file; nothing where there is none."""
    if not path.is_file():
        return
    decode = msgspec.json.Decoder(record).decode
    with path.open("rb", buffering=BUFFER) as stream:
        for number, line in enumerate(stream, 1):
            if not line.endswith(b"\n"):
                return  # torn: the disk is full, or the run goes on
            try:
                yield decode(line)
            except (msgspec.DecodeError, UnicodeDecodeError):  # lone surrogates, huge numbers
                yield decode_slowly(line, record, f"{path} line {number}")
