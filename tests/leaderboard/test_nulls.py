"""The null rows of a board: the numbers of the baselines' own runs, without a model."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from rows import rows, write_rows

from harness.bundled import bundled_dir
from harness.data import load_pairs
from harness.leaderboard.boards import Board, find_boards, load_board
from harness.leaderboard.nulls import baselines, make_nulls, write_nulls
from harness.leaderboard.submit import board_task
from harness.request import RunRequest
from harness.runner import run
from harness.specs import TaskSpec

SHIPPED = bundled_dir("leaderboards")
NULLS = ("random", "length", "shorter", "ttr", "first")


def copied(name: str, root: Path) -> Board:
    shutil.copytree(SHIPPED / name, root / name)
    (root / name / "nulls.json").unlink(missing_ok=True)
    return load_board(name, root)


@pytest.mark.parametrize("what", NULLS)
@pytest.mark.parametrize("task", ["demo_zh", "demo_en"])
def test_a_null_row_is_the_results_file_of_that_baselines_run(
    task: str, what: str, tmp_path: Path
) -> None:
    [result] = run(RunRequest(tasks=(task,), model=f"baseline:{what}", output_path=tmp_path))
    nulls = load_board(task, SHIPPED).nulls
    assert nulls is not None
    stored = json.loads((result.folder / "results.json").read_bytes())
    assert nulls["rows"][f"baseline:{what}"] == stored
    assert nulls["data"] == {key: stored["data"][key] for key in ("file", "sha256", "n")}


@pytest.mark.parametrize("what", NULLS)
def test_ties_empty_texts_and_repeated_pairs_count_as_in_a_run(what: str, tmp_path: Path) -> None:
    made = rows(12)
    made[3]["chosen"]["response"] = "?!"  # no word
    made[4]["rejected"]["response"] = made[4]["chosen"]["response"] + "!"
    made[5]["chosen"]["response"] = "abc"
    made[5]["rejected"]["response"] = "def"
    file = write_rows(tmp_path / "pairs.json", [*made, made[0]])
    request = RunRequest(
        tasks=("wpb_zh",), model=f"baseline:{what}", data={"wpb_zh": file}, output_path=tmp_path
    )
    [result] = run(request)
    spec = board_task(load_board("wpb_zh", SHIPPED))
    assert isinstance(spec, TaskSpec)
    assert baselines(spec, load_pairs(spec, file=file))[f"baseline:{what}"] == result.results


def test_the_first_shown_gets_half_of_any_file_and_is_never_consistent() -> None:
    nulls = load_board("demo_zh", SHIPPED).nulls
    assert nulls is not None
    numbers = nulls["rows"]["baseline:first"]["metrics"]
    assert (numbers["accuracy"], numbers["first_pick_rate"], numbers["consistency"]) == (0.5, 1, 0)


@pytest.mark.parametrize("task", ["demo_zh", "demo_en"])
def test_the_nulls_that_ship_are_those_that_are_made_now(task: str, tmp_path: Path) -> None:
    board = copied(task, tmp_path)
    assert write_nulls(board) == tmp_path / task / "nulls.json"
    assert (tmp_path / task / "nulls.json").read_bytes() == (
        SHIPPED / task / "nulls.json"
    ).read_bytes()


def test_a_board_of_writers_has_no_nulls(tmp_path: Path) -> None:
    board = copied("coig_writer_zh", tmp_path)
    assert write_nulls(board) is None and board.nulls is None


def test_nothing_is_fetched_for_a_board_whose_data_are_not_at_hand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    for name in ("wpb_zh", "wpb_en"):
        assert write_nulls(copied(name, tmp_path)) is None
    assert all(board.nulls is None for board in find_boards(tmp_path).values())


def test_nulls_of_real_pairs_are_the_known_figures(shared_data: Path) -> None:
    # counted independently: tests/metrics/test_dev_pairs_baselines.py
    board = load_board("wpb_zh", SHIPPED)
    spec = board_task(board)
    assert isinstance(spec, TaskSpec) and make_nulls(load_board("coig_writer_zh", SHIPPED)) is None
    found = baselines(spec, load_pairs(spec, file=shared_data / "wpb_pairs_zh_dev.jsonl"))
    assert found["baseline:length"]["metrics"]["accuracy"] == 165 / 305
    assert found["baseline:shorter"]["metrics"]["accuracy"] == 139 / 305
    assert found["baseline:length"]["metrics"]["ties"] == 1
