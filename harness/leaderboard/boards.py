"""Where the boards are, and what each of them holds."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.bundled import bundled_dir
from harness.errors import DataError, UsageError, unknown_name
from harness.spec_files import load_named
from harness.specs import BoardSpec

PUBLISHED, NULLS, SUBMISSIONS = "published.json", "nulls.json", "submissions"


@dataclass(frozen=True, slots=True)
class Board:
    """A leaderboard and its folder."""

    spec: BoardSpec
    folder: Path

    @property
    def name(self) -> str:
        """The board's name, that of its folder."""
        return self.spec.name

    @property
    def published(self) -> dict[str, Any] | None:
        """What the papers report, as it stands in published.json; None where there is none."""
        return _object(self.folder / PUBLISHED)

    @property
    def nulls(self) -> dict[str, Any] | None:
        """The rows of the null baselines, generated; None where nobody made them yet."""
        return _object(self.folder / NULLS)

    @property
    def submissions(self) -> tuple[Path, ...]:
        """The submitted files, sorted by name, which carries no meaning."""
        return tuple(sorted((self.folder / SUBMISSIONS).glob("*.zip")))


def boards_root(folder: Path | None = None) -> Path:
    """The folder of the boards: the one given, else ./leaderboards, else the shipped one."""
    if folder is not None:
        if not folder.is_dir():
            raise UsageError(f"--leaderboards {folder}: no such folder")
        return folder
    here = Path("leaderboards")
    return here if here.is_dir() else bundled_dir("leaderboards")


def find_boards(root: Path) -> dict[str, Board]:
    """Every board below a folder, by name."""
    found = {}
    for path in sorted(root.glob("*/board.yaml")):
        spec = load_named("leaderboards", str(path), BoardSpec, "board")
        if spec.name != path.parent.name:
            raise UsageError(f"{path}: field name: must be {path.parent.name!r} as the folder's")
        found[spec.name] = Board(spec, path.parent)
    return found


def load_board(name: str, root: Path) -> Board:
    """A board by its name."""
    boards = find_boards(root)
    if name not in boards:
        raise UsageError(unknown_name("board", name, boards))
    return boards[name]


def _object(path: Path) -> dict[str, Any] | None:
    """The object in a JSON file, None where there is no file."""
    if not path.is_file():
        return None
    try:
        value = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"{path}: cannot be read as JSON ({error})") from None
    if not isinstance(value, dict):
        raise DataError(f"{path}: must be an object of keys to values")
    return value
