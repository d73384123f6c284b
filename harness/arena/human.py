"""An arena judged by people: their rankings and choices -> verdicts -> results."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from harness.arena.judged import ArenaResult
from harness.arena.results import make_arena_results
from harness.data.rankings import HumanChoices, read_human
from harness.metrics.measures import measure
from harness.metrics.workers import Workers
from harness.progress import Progress, Silent
from harness.records import Language, Measures
from harness.reports import write_report
from harness.store import HumanFolder, identity_sha256, open_run
from harness.versions import environment


def human_arena(
    files: Sequence[Path],
    *,
    output_path: Path,
    language: Language | None = None,
    seed: int = 0,
    fresh: bool = False,
    processes: int = 1,
    progress: Progress | None = None,
) -> ArenaResult:
    """The arena of the models that people compared; `language` where the files do not tell.

    Texts that stand in the files are measured, in `processes`.
    """
    progress = progress or Silent()
    human = read_human(files, language=language)
    for notice in human.notices:
        progress.notice(notice)
    identity: dict[str, Any] = {
        "schema": 1,
        "kind": "arena",
        "human_sha256": human.sha256,
        "language": language,
        "seed": seed,
    }
    path = output_path / "arena" / identity_sha256(identity)[:8]
    with open_run(HumanFolder, path, fresh=fresh, progress=progress) as folder:
        if folder.finished:
            return ArenaResult(folder.path, folder.results(), folder.manifest, reused=True)
        began = time.monotonic()
        folder.save_manifest(
            schema=1,
            status="running",
            kind="arena",
            identity=identity,
            identity_sha256=identity_sha256(identity),
            model=None,
            judge=None,
            files=[file.name for file in files],
            counts={"pairs": len(human.verdicts)},
            **environment(),
        )
        folder.write_verdicts(human.verdicts)
        measures = _measures(human, processes)
        folder.write_measures(measures)
        results = make_arena_results(
            folder.path,
            head=_head(human, seed),
            measures=measures,
            calibrations=None,
            seed=seed,
        )
        seconds = round(time.monotonic() - began, 3)
        folder.finish(results, write_report(results), wall_seconds=seconds)
        return ArenaResult(folder.path, results, folder.manifest, reused=False)


def _head(human: HumanChoices, seed: int) -> dict[str, Any]:
    """What results.json says before its numbers."""
    return {
        "schema": 1,
        "kind": "arena",
        "model": None,
        "judge": None,
        "players": [{"name": run, "runs": []} for run in human.runs],
        "baseline": None,
        "seed": seed,
        "human_sha256": human.sha256,
    }


def _measures(human: HumanChoices, processes: int) -> dict[str, list[Measures]]:
    """What is measured on the texts that people saw, by model; each by itself."""
    found: dict[str, list[Measures]] = {run: [] for run in human.runs}
    coming = sum(len(text.text or "") for _, text in human.responses)
    with Workers(processes, coming=coming) as workers:
        for run, own in found.items():
            texts = [text for model, text in human.responses if model == run]
            own += measure(texts, human.prompts, segmenter="jieba", workers=workers)
    return found
