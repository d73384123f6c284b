"""An arena read back: its verdicts, and what was measured on its texts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from harness.errors import DataError
from harness.metrics.arena import OrderStats, Units, read_arena
from harness.records import ArenaVerdict, Measures
from harness.stored.files import BUFFER, MEASURES, VERDICTS, decoded


def arena_units(folder: Path) -> tuple[Units, OrderStats]:
    """verdicts.jsonl of an arena, as its statistics read it."""
    try:
        with (folder / VERDICTS).open("rb", buffering=BUFFER) as stream:
            return read_arena(stream)
    except FileNotFoundError:
        raise DataError(f"{folder}: no {VERDICTS} any more; run the same command again") from None
    except DataError as error:
        raise DataError(f"{folder}: {error}") from None


def arena_verdicts(folder: Path) -> Iterator[ArenaVerdict]:
    """Every whole line of an arena's verdicts.jsonl."""
    return decoded(folder / VERDICTS, ArenaVerdict)


def arena_measures(folder: Path) -> dict[str, list[Measures]]:
    """measures.jsonl of an arena, by run; empty where people judged."""
    found: dict[str, list[Measures]] = {}
    for line in decoded(folder / MEASURES, dict[str, Any]):
        run = line.pop("run", None)
        try:
            one = msgspec.convert(line, Measures)
        except msgspec.ValidationError as error:
            raise DataError(f"{folder / MEASURES}: {error}") from None
        found.setdefault(str(run), []).append(one)
    return found
