"""An arena before its first verdict: who meets whom, before which judge, and its name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.arena.calibration import Calibrations, read_calibrations
from harness.arena.matches import Card, make_card, texts_sha256
from harness.arena.players import Player, player_of, read_players
from harness.errors import UsageError
from harness.executors import opened
from harness.jobs import Judging, judging_of
from harness.models import MODELS, AnyModel, PairJudge, TextsFile
from harness.models.ref import parse_model
from harness.progress import Progress
from harness.records import Pair
from harness.request import RunRequest
from harness.store import identity_sha256


@dataclass(frozen=True, slots=True, kw_only=True)
class ArenaRequest:
    """Everything `harness arena RUN RUN...` takes.

    `asked` has the judge and its settings (its tasks are empty). `calibration` are runs of the
    same judge over preference pairs.
    """

    runs: tuple[Path, ...]
    asked: RunRequest
    baseline: Path | None = None
    calibration: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class Setting:
    """Players, their matches, and the judge; `judging` is null for a model that scores."""

    asked: RunRequest
    players: tuple[Player, ...]
    baseline: str | None
    card: Card
    model: AnyModel
    judging: Judging | None
    calibrations: Calibrations

    @property
    def pairs(self) -> list[Pair]:
        """What the judge is shown."""
        return [match.pair for match in self.card.matches]

    def judge_row(self) -> dict[str, Any] | None:
        """The judge of results.json: a judge file, a recipe, or null."""
        if self.judging is None:
            row = self.model.judge()
            return dict(row) if row else None
        return self.judging.row(self.card.matches[0].pair.language)

    def identity(self) -> dict[str, Any]:
        """What can change a verdict or which there are: the judge, and the texts of the players."""
        how: Mapping[str, Any] = self.judging.identity() if self.judging else {}
        if isinstance(self.model, PairJudge):
            how = {"orders": self.asked.orders}
        return {
            "schema": 1,
            "kind": "arena",
            "model": dict(self.model.identity()),
            "judge": (self.judge_row() or {}).get("sha256"),
            "seed": self.asked.seed,
            **how,
            "players": [
                {"name": player.name, "texts": [texts_sha256(run) for run in player.runs]}
                for player in self.players
            ],
            "baseline": self.baseline,
        }

    @property
    def path(self) -> Path:
        """The folder of the arena."""
        return self.asked.output_path / "arena" / identity_sha256(self.identity())[:8]


@contextmanager
def open_setting(request: ArenaRequest, progress: Progress) -> Iterator[Setting]:
    """Read the runs, pair their texts, open the judge; nothing is asked."""
    asked = request.asked
    parse_model(asked.model, asked.model_args, tuple(MODELS))  # a typo costs no download
    players = read_players(request.runs)
    baseline = None if request.baseline is None else player_of(players, request.baseline)
    card = make_card(players, baseline)
    if card.unshared:
        progress.notice(
            f"{card.unshared:,} times two runs do not both have a text for a prompt: left out"
        )
    with opened(asked.model, asked.model_args, asked.settings, asked.workers) as model:
        if isinstance(model, TextsFile):
            raise UsageError(f"{model.name} only writes; an arena asks for a judge")
        languages = list(dict.fromkeys(match.pair.language for match in card.matches))
        judging = judging_of(model, asked, languages)
        known = read_calibrations(request.calibration, model, judging, languages)
        yield Setting(asked, tuple(players), baseline, card, model, judging, known)
