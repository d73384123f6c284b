"""Runs that wrote and arenas, made for the tests of reports through the real statistics."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from harness.arena.calibration import Calibrations
from harness.arena.results import make_arena_results
from harness.metrics.judge_error import Calibration
from harness.metrics.writing import WRITING_METRICS, writing_results
from harness.records import ArenaVerdict, Measures, Text, json_line

MEASURED = Measures(
    prompt_id="p0",
    tag="t",
    genre="Fiction",
    language="en",
    repeat=0,
    text_id="x",
    chars=600,
    words=100,
    types=60,
    tokens=None,
    ttr=0.6,
    mattr50=0.8,
    mtld=81.25,
    hdd42=0.85,
    distinct2=None,
    seq_rep8=0.0,
    nearest=0.1,
    written_in="en",
    wrong_language=False,
    empty=False,
    truncated=False,
    refusal=False,
    runaway=False,
    near_duplicate=False,
    score=None,
)
SHORT = {"a": "a", "b": "b", "t": "tie", "u": "unparsed", "e": "error"}


def measured(*changes: Mapping[str, Any]) -> list[Measures]:
    """A text a mapping, each for a prompt of its own if it does not say which."""
    return [
        replace(MEASURED, **{"prompt_id": f"p{place}", **change})
        for place, change in enumerate(changes)
    ]


def written(
    measures: Sequence[Measures], *, missing: int = 0, model: str = "m", **changes: Any
) -> dict[str, Any]:
    """results.json of a run with these texts and `missing` errors; `data` adds to its data."""
    texts = [
        Text(one.prompt_id, one.tag, one.genre, one.language, "text", repeat=one.repeat)
        for one in measures
    ]
    texts += [
        Text(f"missing{n}", "t", "Fiction", "en", None, error="HTTP 500") for n in range(missing)
    ]
    data = {"file": "f.json", "sha256": "a" * 64, "replaced": False, "n": len(texts)}
    return {
        "schema": 1,
        "task": "demo_writing_en",
        "kind": "writing",
        "language": "en",
        "model": {"name": model, "backend": "hf"},
        "judge": None,
        "asked": {"sampling": {"temperature": 0.8, "max_tokens": 512}},
        "tokenizer": {"zh": "jieba 0.42.1", "en": "[a-z]+"},
        **writing_results(texts, measures, metrics=list(WRITING_METRICS), seed=0),
        **{key: value for key, value in changes.items() if key != "data"},
        "data": data
        | {"prompts": len({text.prompt_id for text in texts})}
        | changes.get("data", {}),
    }


def writing_folder(folder: Path, measures: Sequence[Measures], **named: Any) -> Path:
    """A finished run folder as the runner leaves one."""
    folder.mkdir(parents=True)
    (folder / "prompts.jsonl").write_text("")
    (folder / "measures.jsonl").write_text(_lines(measures), "utf-8")
    return _finished(folder, written(measures, **named))


def arena(folder: Path, outcomes: Mapping[tuple[str, str], str], **named: Any) -> dict[str, Any]:
    """An arena: for every two runs a letter a prompt, or two ("ab"-"ba" split by spaces) where
    it was judged in both orders.

    `measures`, `judges` (accuracy by language), `languages`, `people` and fields of the head.
    """
    folder.mkdir(parents=True, exist_ok=True)
    people, languages = named.pop("people", (None,)), named.pop("languages", ("en",))
    lines = [
        ArenaVerdict(
            run_a, run_b, f"q{place}", "t", f"Genre {place % 2}", language,
            None if len(letters) == 1 else ("a_first", "b_first")[turn], SHORT[letter],
            annotator=who, pair_id=f"{run_a}{run_b}{language}{place}",
        )
        for language in languages
        for who in people
        for (run_a, run_b), said in outcomes.items()
        for place, letters in enumerate(said.split() if " " in said else said)
        for turn, letter in enumerate(letters)
    ]  # fmt: skip
    (folder / "verdicts.jsonl").write_text(_lines(lines), "utf-8")
    measures = named.pop("measures", {})
    judges = {
        language: Calibration(np.repeat([1.0, 0.0], [right, wrong]), np.arange(right + wrong))
        for language, (right, wrong) in named.pop("judges", {}).items()
    }
    head = {"schema": 1, "kind": "arena", "judge": None, "baseline": None, "seed": 0}
    head |= {"model": {"name": "a judge", "backend": "hf"} if people == (None,) else None} | named
    return make_arena_results(
        folder, head=head, measures=measures, calibrations=Calibrations(judges, ()), seed=0
    )


def arena_folder(folder: Path, outcomes: Mapping[tuple[str, str], str], **named: Any) -> Path:
    """The same as a finished folder."""
    return _finished(folder, arena(folder, outcomes, **named))


def _lines(records: Sequence[Any]) -> str:
    return "".join(json_line(record).rstrip("\n") + "\n" for record in records)


def _finished(folder: Path, results: Mapping[str, Any]) -> Path:
    (folder / "results.json").write_text(json.dumps(results, sort_keys=True))
    (folder / "manifest.json").write_text(json.dumps({"status": "finished"}))
    return folder
