"""An arena with a judge: runs -> matches -> verdicts -> results."""

from __future__ import annotations

import time
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from harness.arena.joined import join
from harness.arena.players import Player
from harness.arena.results import make_arena_results
from harness.arena.setting import ArenaRequest, Setting, open_setting
from harness.jobs import estimate, fill_folder, nothing_owed, spent
from harness.models import ChatModel
from harness.progress import Progress, Silent
from harness.records import Measures
from harness.reports import write_report
from harness.request import request_settings
from harness.runner.common import model_row, prices_of, refuse_other_device
from harness.store import ArenaFolder, identity_sha256, open_run
from harness.stored import answered, read_measures
from harness.versions import environment


@dataclass(frozen=True, slots=True)
class ArenaResult:
    """A finished arena: its folder, results and manifest, and whether nothing had to be judged."""

    folder: Path
    results: dict[str, Any]
    manifest: dict[str, Any]
    reused: bool


def judged_arena(request: ArenaRequest, progress: Progress | None = None) -> ArenaResult:
    """Judge every two runs on every prompt they share; what was judged before is not again.

    The numbers are made anew each time: a calibration given later changes them, and no verdict.
    """
    progress = progress or Silent()
    with open_setting(request, progress) as setting, _folder(setting, progress) as folder:
        refuse_other_device(folder, setting.model.device)
        done = folder.finished and nothing_owed(folder, setting.pairs, progress)
        began = time.monotonic()
        _begin(folder, setting)
        facts: dict[str, Any] = {}
        if not done:
            join(folder, setting, progress)
            facts = fill_folder(
                folder, setting.pairs, setting.model, setting.judging, setting.asked, progress
            )
        measures = {player.name: _measures(player) for player in setting.players}
        folder.write_measures(measures)
        results = make_arena_results(
            folder.path,
            head=_head(setting),
            measures=measures,
            calibrations=setting.calibrations,
            seed=setting.asked.seed,
        )
        prices = prices_of(setting.model, setting.asked)
        if prices is not None:
            facts["cost"] = spent(prices, facts.get("counts") or folder.manifest["counts"])
        seconds = folder.manifest["wall_seconds"] + time.monotonic() - began
        folder.finish(results, write_report(results), wall_seconds=round(seconds, 3), **facts)
        return ArenaResult(folder.path, results, folder.manifest, reused=done)


def _folder(setting: Setting, progress: Progress) -> AbstractContextManager[ArenaFolder]:
    kind = partial(ArenaFolder, {match.pair.pair_id: match for match in setting.card.matches})
    return open_run(kind, setting.path, fresh=setting.asked.fresh, progress=progress)


def dry_arena(request: ArenaRequest, progress: Progress | None = None) -> str:
    """One line on what an arena would ask; what others of the same judge hold is not taken off."""
    with open_setting(request, progress or Silent()) as setting:
        prices = prices_of(setting.model, setting.asked)
        asks = estimate(setting.pairs, setting.model, setting.judging, prices)
    line = (
        f"arena of {len(setting.players)} players: {len(setting.pairs):,} matches, {asks}, "
        f"{setting.model.name} on {setting.model.device} -> {setting.path}"
    )
    there = 0 if setting.asked.fresh else answered(setting.path)
    return f"{line}, where {there:,} are answered already" if there else line


def _measures(player: Player) -> list[Measures]:
    return [one for run in player.runs for one in read_measures(run.folder)]


def _head(setting: Setting) -> dict[str, Any]:
    """What results.json says before its numbers."""
    return {
        "schema": 1,
        "kind": "arena",
        "model": model_row(setting.model),
        "judge": setting.judge_row(),
        "players": [player.row() for player in setting.players],
        "baseline": setting.baseline,
        "seed": setting.asked.seed,
    }


def _begin(folder: ArenaFolder, setting: Setting) -> None:
    model, judging = setting.model, setting.judging
    if isinstance(model, ChatModel):
        model.resume(folder.manifest.get("model", {}))
    judge = setting.judge_row()
    if judge and judging:  # the whole file, so that answers can be read again without it
        judge["spec"] = judging.judge.model_dump(mode="json")
    identity = setting.identity()
    folder.save_manifest(
        schema=1,
        status="running",
        kind="arena",
        identity=identity,
        identity_sha256=identity_sha256(identity),
        device=model.device,
        model={"name": model.name, "backend": model.backend, **model.facts()},
        judge=judge,
        players=[player.row() for player in setting.players],
        settings=request_settings(setting.asked),
        counts={
            **folder.manifest.get("counts", {}),
            "pairs": len(setting.card.matches),
        },
        unshared=setting.card.unshared,
        wall_seconds=folder.manifest.get("wall_seconds", 0.0),
        attempts=folder.manifest.get("attempts", 0) + 1,
        **environment(),
    )
