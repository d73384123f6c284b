"""Boards, submissions, and ways to spoil them, made for tests."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from harness.leaderboard.boards import Board, load_board
from harness.leaderboard.submit import About, pack
from harness.leaderboard.verify import Standard, Verified, standard_of, verify_submission
from harness.metrics.preference import METRICS, preference_results
from harness.metrics.table import pair_table, verdict_table
from harness.models.base import ModelSettings
from harness.request import RunRequest
from harness.runner import run
from harness.spec_files import load_named
from harness.specs import TaskSpec

Members = dict[str, bytes]
Line = dict[str, Any]


def make_board(root: Path, name: str) -> Board:
    """A board of the task of the same name below `root`."""
    folder = root / name
    (folder / "submissions").mkdir(parents=True, exist_ok=True)
    (folder / "board.yaml").write_text(f"kind: board\nname: {name}\ntask: {name}\n")
    return load_board(name, root)


def demo_run(out: Path, model: str, *, args: str | None = None, judge: str | None = None) -> Path:
    """The folder of a run over demo_zh."""
    settings = ModelSettings(judge=judge)
    request = RunRequest(
        tasks=("demo_zh",), model=model, model_args=args, settings=settings, output_path=out
    )
    return run(request)[0].folder


def packed(run_folder: Path, board: Board, path: Path, **about: Any) -> Path:
    """A run as a file that lies outside of its board."""
    return pack(run_folder, board, About(**about), path=path).path


def verified(path: Path, board: Board) -> Verified:
    """A file held against a board."""
    return verify_submission(path, standard_of(board))


def checks(path: Path, standard: Board | Standard) -> set[str]:
    """The kinds of findings on a file."""
    standard = standard_of(standard) if isinstance(standard, Board) else standard
    return {finding.check for finding in verify_submission(path, standard).findings}


def members_of(path: Path) -> Members:
    """Name -> bytes of everything in a zip."""
    with zipfile.ZipFile(path) as opened:
        return {name: opened.read(name) for name in opened.namelist()}


def write_zip(path: Path, members: Members) -> Path:
    """A zip of these members."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as opened:
        for name, content in members.items():
            opened.writestr(name, content)
    return path


def mend_sums(members: Members) -> None:
    """The sums in submission.json made those of the parts."""
    meta = json.loads(members["submission.json"])
    meta["parts"] = {
        name: {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
        for name, content in members.items()
        if name != "submission.json"
    }
    members["submission.json"] = json.dumps(meta).encode()


def mend_numbers(members: Members) -> None:
    """The numbers in results.json made those of the verdicts, as a careful forger would."""
    results = json.loads(members["results.json"])
    pairs = pair_table(members["pairs.jsonl"].splitlines(keepends=True))
    verdicts = verdict_table(pairs, members["verdicts.jsonl"].splitlines(keepends=True))
    metrics = load_named("tasks", "demo_zh", TaskSpec, "task").metrics or tuple(METRICS)
    results |= preference_results(pairs, verdicts, metrics=metrics, seed=results["seed"])
    members["results.json"] = json.dumps(results).encode()


def spoiled(
    path: Path, change: Callable[[Members], None], *, mend: bool = True, numbers: bool = False
) -> Path:
    """A copy of a submission with its members changed, its sums and its numbers mended or not."""
    members = members_of(path)
    change(members)
    if numbers:
        mend_numbers(members)
    if mend:
        mend_sums(members)
    return write_zip(path.with_name(f"spoiled-{path.name}"), members)


def each_line(part: str, change: Callable[[int, Line], Line | None]) -> Callable[[Members], None]:
    """A change of every line (from 0) of a part; None takes it out."""

    def apply(members: Members) -> None:
        lines = [json.loads(line) for line in members[part].splitlines()]
        kept = [found for place, line in enumerate(lines) if (found := change(place, line))]
        members[part] = "".join(json.dumps(line) + "\n" for line in kept).encode()

    return apply


def one_line(part: str, place: int, **changes: Any) -> Callable[[Members], None]:
    """A change of one line of a part."""
    return each_line(part, lambda at, line: line | changes if at == place else line)


def in_json(part: str, *path: str, value: Any) -> Callable[[Members], None]:
    """A change of one value of a JSON member."""

    def apply(members: Members) -> None:
        whole = found = json.loads(members[part])
        for key in path[:-1]:
            found = found[key]
        found[path[-1]] = value
        members[part] = json.dumps(whole).encode()

    return apply
