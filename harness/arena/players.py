"""Who meets in an arena: finished runs, one player a model, whatever the language of its tasks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.errors import DataError, UsageError
from harness.records import Prompt, Text
from harness.stored import FinishedWriting, find_runs, read_results, read_writing


@dataclass(frozen=True, slots=True)
class Player:
    """A model and its runs, one a language. Its `name` is the model's, with the first eight hex
    digits of the run's identity behind it where two runs of one task are of that name."""

    name: str
    runs: tuple[FinishedWriting, ...]

    def row(self) -> dict[str, Any]:
        """What results.json says of it."""
        return {
            "name": self.name,
            "runs": [
                {
                    "task": run.results["task"],
                    "language": run.results["language"],
                    "identity_sha256": run.manifest["identity_sha256"],
                    "model": run.results["model"],
                    "data_sha256": run.results["data"]["sha256"],
                }
                for run in self.runs
            ],
        }


def read_players(paths: Sequence[Path]) -> list[Player]:
    """The players behind run folders (or folders above them), sorted by name.

    DataError where a path holds no finished run that wrote, or where the runs of one language
    are of two tasks: their prompts have nothing in common.
    """
    folders: dict[Path, Path] = {}
    for path in paths:
        if not path.is_dir():
            raise UsageError(f"{path}: no such run folder")
        below = find_runs(path)
        # of all that lies below a folder the runs that wrote; a run that is named is held to it
        if below != [path]:
            below = [run for run in below if read_results(run)[1].get("kind") == "writing"]
        if not below:
            raise DataError(f"{path}: no finished run that wrote, here or below")
        folders |= {folder.resolve(): folder for folder in below}
    runs = [read_writing(folder) for folder in folders.values()]
    _refuse_two_tasks(runs)
    times = Counter((run.results["task"], run.results["model"]["name"]) for run in runs)
    twice = {name for (_, name), n in times.items() if n > 1}
    named: dict[str, list[FinishedWriting]] = {}
    for run in runs:
        name = str(run.results["model"]["name"])
        if name in twice:
            name = f"{name} ({run.manifest['identity_sha256'][:8]})"
        named.setdefault(name, []).append(run)
    return [
        Player(name, tuple(sorted(own, key=lambda run: str(run.results["language"]))))
        for name, own in sorted(named.items())
    ]


def player_of(players: Sequence[Player], path: Path) -> str:
    """The name of the player a run folder belongs to."""
    folder = path.resolve()
    for player in players:
        if any(run.folder.resolve() == folder for run in player.runs):
            return player.name
    raise UsageError(f"--baseline {path}: not the folder of a finished run of this arena")


def _refuse_two_tasks(runs: Sequence[FinishedWriting]) -> None:
    tasks: dict[str, set[str]] = {}
    for run in runs:
        tasks.setdefault(str(run.results["language"]), set()).add(str(run.results["task"]))
    for language, names in tasks.items():
        if len(names) > 1:
            raise DataError(
                f"runs of {', '.join(sorted(names))}, all in {language!r}: an arena takes one "
                "task a language, whose prompts its runs share"
            )


def written(run: FinishedWriting) -> dict[str, tuple[Prompt, dict[int, Text]]]:
    """Each prompt of a run with the texts that are there, by repeat."""
    found: dict[str, tuple[Prompt, dict[int, Text]]] = {
        prompt.prompt_id: (prompt, {}) for prompt in run.prompts
    }
    for text in run.texts.values():
        if text.text is not None and text.prompt_id in found:
            found[text.prompt_id][1][text.repeat] = text
    return found
