"""Submissions of runs that wrote, and of arenas of them, honest ones and spoiled ones."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import written
from submitted import (
    Line,
    Members,
    checks,
    each_line,
    in_json,
    make_board,
    one_line,
    packed,
    spoiled,
)

from harness.arena import ArenaRequest, judged_arena
from harness.leaderboard.verify import Standard, standard_of, verify_submission
from harness.models.base import ModelSettings
from harness.request import RunRequest

TEXTS, VERDICTS, MEASURES = "texts.jsonl", "verdicts.jsonl", "measures.jsonl"
JUDGES: dict[str, dict[str, Any]] = {
    "scores": {"model": "baseline:length"},
    "first": {"model": "baseline:first"},
    "pairwise": {"model": "fake:hash", "model_args": "errors=0.1,unparsed=0.1"},
    "rubric": {"model": "fake:hash", "settings": ModelSettings(judge="rubric")},
}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three runs over twelve prompts, of which one has no text for a prompt."""
    folder = tmp_path_factory.mktemp("written")
    rows = written.texts(["m1", "m2", "m3"], 12)
    there = [row for row in rows if (row["model"], row["prompt_id"]) != ("m2", "p3")]
    written.write_runs(folder, there, 12)
    return folder


@pytest.fixture(scope="module")
def runs(home: Path) -> list[Path]:
    return sorted((home / "out" / "coig_writer_zh").iterdir())


@pytest.fixture(scope="module")
def standard(home: Path) -> Standard:
    board = make_board(home / "boards", "coig_writer_zh")
    return standard_of(board, home / "prompts-zh.jsonl")


@pytest.fixture
def wrote(home: Path, runs: list[Path], tmp_path: Path) -> Path:
    return packed(runs[0], make_board(home / "boards", "coig_writer_zh"), tmp_path / "one.zip")


@pytest.fixture
def arena(home: Path, runs: list[Path], tmp_path: Path) -> Callable[[str], Path]:
    def one(judge: str) -> Path:
        asked = RunRequest(tasks=(), output_path=tmp_path, **JUDGES[judge])
        folder = judged_arena(ArenaRequest(runs=tuple(runs), asked=asked)).folder
        board = make_board(home / "boards", "coig_writer_zh")
        return packed(folder, board, tmp_path / f"{judge}.zip")

    return one


def test_honest_texts_verify(home: Path, runs: list[Path], standard: Standard) -> None:
    board = make_board(home / "boards", "coig_writer_zh")
    for run in runs:
        path = packed(run, board, home / f"{run.name}.zip")
        assert verify_submission(path, standard).findings == ()


def test_a_board_by_itself_says_that_the_data_are_ones_own(home: Path, wrote: Path) -> None:
    board = make_board(home / "boards", "coig_writer_zh")
    found = verify_submission(wrote, standard_of(board))
    assert [str(one) for one in found.findings] == ["results.json: it was made with --data"]
    assert any("it is not at hand" in str(one) for one in found.notes)


@pytest.mark.parametrize("mend", [False, True])
@pytest.mark.parametrize(
    ("change", "check"),
    [
        (one_line(TEXTS, 0, text="写得更好的一篇。"), "numbers"),
        (one_line(MEASURES, 0, ttr=0.9), "numbers"),
        (in_json("results.json", "metrics", "ttr", value=0.9), "numbers"),
        (in_json("results.json", "genres", "Poetry", "n", value=300), "numbers"),
        (one_line("prompts.jsonl", 0, prompt="<script>alert(1)</script>"), "data"),
        (one_line("prompts.jsonl", 0, genre="Poetry <b>"), "data"),
        (one_line(TEXTS, 0, prompt_id="nobody's"), "texts"),
        (one_line(TEXTS, 0, attempt=2), "texts"),
        (one_line(TEXTS, 0, error="none"), "texts"),
        (in_json("manifest.json", "settings", "segmenter", value="mine"), "identity"),
        (in_json("manifest.json", "identity", "prompts_sha256", value="0" * 64), "identity"),
    ],
)
def test_what_was_changed_is_found(
    wrote: Path, standard: Standard, change: Callable[[Members], None], check: str, mend: bool
) -> None:
    found = checks(spoiled(wrote, change, mend=mend), standard)
    assert check in found
    assert ("checksum" in found) != mend


@pytest.mark.parametrize("part", ["prompts.jsonl", TEXTS, MEASURES])
def test_a_line_too_few_or_too_many_is_found(wrote: Path, standard: Standard, part: str) -> None:
    fewer = each_line(part, lambda place, line: None if place == 2 else line)
    assert checks(spoiled(wrote, fewer), standard) & {"data", "texts", "numbers"}

    def twice(members: Members) -> None:
        members[part] += members[part].splitlines(keepends=True)[-1]

    assert checks(spoiled(wrote, twice), standard) & {"data", "texts", "numbers"}


@pytest.mark.parametrize("judge", JUDGES)
def test_an_honest_arena_verifies(
    arena: Callable[[str], Path], standard: Standard, judge: str
) -> None:
    assert verify_submission(arena(judge), standard).findings == ()


def turned(place: int, line: Line) -> Line:
    other = {"a": "b", "b": "a"}
    return line | {"outcome": other.get(line["outcome"], "a")} if place == 0 else line


@pytest.mark.parametrize(
    ("judge", "check"), [("scores", "margin"), ("pairwise", "raw"), ("rubric", "margin")]
)
def test_a_verdict_of_an_arena_turned_is_found(
    arena: Callable[[str], Path], standard: Standard, judge: str, check: str
) -> None:
    assert check in checks(spoiled(arena(judge), each_line(VERDICTS, turned)), standard)


@pytest.mark.parametrize(
    ("change", "check"),
    [
        (one_line(VERDICTS, 0, run_a="m0"), "verdicts"),
        (one_line(VERDICTS, 0, a_id="0" * 16), "verdicts"),
        (one_line(VERDICTS, 0, genre="<b>Poetry</b>"), "verdicts"),
        (one_line(VERDICTS, 0, annotator="me"), "verdicts"),
        (one_line(VERDICTS, 0, pair_id=None), "verdicts"),
        (one_line(VERDICTS, 0, order=None), "mixture"),
        (each_line(VERDICTS, lambda place, line: None if place == 0 else line), "verdicts"),
        (each_line(VERDICTS, lambda _, x: None if x["prompt_id"] == "p5" else x), "verdicts"),
        (in_json("results.json", "wins", value=[[None, 1], [0, None]]), "numbers"),
        (in_json("results.json", "players", value=[]), "board"),
        (in_json("results.json", "seed", value=3), "identity"),
    ],
)
def test_what_was_changed_in_an_arena_is_found(
    arena: Callable[[str], Path],
    standard: Standard,
    change: Callable[[Members], None],
    check: str,
) -> None:
    assert check in checks(spoiled(arena("pairwise"), change), standard)


def test_players_of_other_data_are_found(arena: Callable[[str], Path], standard: Standard) -> None:
    def other(members: Members) -> None:
        for part in ("manifest.json", "results.json"):
            whole = json.loads(members[part])
            whole["players"][0]["runs"][0]["data_sha256"] = "0" * 64
            members[part] = json.dumps(whole).encode()

    assert checks(spoiled(arena("first"), other), standard) == {"data"}
