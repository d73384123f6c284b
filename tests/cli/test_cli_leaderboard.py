"""`harness submit` and `harness leaderboard verify`, from a run to a checked file of a board."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from conftest import Harness, Said
from submitted import in_json, make_board, members_of, spoiled, write_zip


@pytest.fixture
def boards(tmp_path: Path) -> Path:
    """A folder of boards where the command looks for one first."""
    root = tmp_path / "leaderboards"
    for name in ("demo_zh", "wpb_zh"):
        make_board(root, name)
    return root


@pytest.fixture
def demo(harness: Harness, tmp_path: Path) -> Path:
    """The folder of a run over the demo pairs."""
    usual = ("run", "--tasks", "demo_zh", "--model", "baseline:length")
    assert harness(*usual, "--output_path", tmp_path / "out").code == 0
    [folder] = (tmp_path / "out" / "demo_zh").iterdir()
    return folder


@pytest.fixture
def submitted(harness: Harness, boards: Path, demo: Path) -> Said:
    return harness("submit", demo, "--board", "demo_zh")


def the_file(boards: Path, name: str = "demo_zh") -> Path:
    [path] = (boards / name / "submissions").glob("*.zip")
    return path


def test_a_submission_is_written_verified_and_the_next_step_said(
    submitted: Said, boards: Path, demo: Path
) -> None:
    assert submitted.code == 0
    assert the_file(boards).name == f"{demo.name}.zip"
    assert "git add" in submitted.out and "pull request" in submitted.out


def test_the_same_run_may_be_submitted_again(
    harness: Harness, submitted: Said, boards: Path, demo: Path
) -> None:
    before = the_file(boards).read_bytes()
    assert harness("submit", demo, "--board", "demo_zh").code == 0
    assert the_file(boards).read_bytes() == before


def test_an_unknown_board_is_wrong_use(harness: Harness, boards: Path, demo: Path) -> None:
    said = harness("submit", demo, "--board", "demo_zz")
    assert said.code == 2
    assert "demo_zh" in said.message


def test_a_run_whose_files_were_changed_is_not_submitted(
    harness: Harness, boards: Path, demo: Path
) -> None:
    path = demo / "results.json"
    path.write_text(path.read_text().replace('"seed": 0', '"seed": 1'))
    said = harness("submit", demo, "--board", "demo_zh")
    assert said.code == 1
    assert "does not verify" in said.err
    assert list((boards / "demo_zh" / "submissions").iterdir()) == []


def test_a_submission_that_fails_leaves_the_one_before_it(
    harness: Harness, submitted: Said, boards: Path, demo: Path
) -> None:
    before = the_file(boards).read_bytes()
    path = demo / "verdicts.jsonl"
    path.write_text(path.read_text().replace('"chosen"', '"rejected"', 1))
    assert harness("submit", demo, "--board", "demo_zh").code == 1
    assert the_file(boards).read_bytes() == before


def test_data_of_ones_own_is_refused_and_may_be_verified_alone(
    harness: Harness, run: Harness, boards: Path, data: Path, tmp_path: Path
) -> None:
    assert run().code == 0
    [folder] = (tmp_path / "out" / "wpb_zh").iterdir()
    refused = harness("submit", folder, "--board", "wpb_zh")
    assert refused.code == 1
    assert "it was made with --data" in refused.message
    mine = tmp_path / "mine.zip"
    assert harness("submit", folder, "--board", "wpb_zh", "--out", mine).code == 0
    verify = ("leaderboard", "verify", mine)
    assert harness(*verify).code == 1
    assert harness(*verify, "--data", f"wpb_zh={data}").code == 0


def test_all_boards_are_verified_without_an_argument(harness: Harness, submitted: Said) -> None:
    said = harness("leaderboard", "verify")
    assert said.code == 0
    assert "1 submission verified, 0 with findings" in said.out


def test_every_finding_is_listed_and_the_exit_code_is_one(
    harness: Harness, submitted: Said, boards: Path
) -> None:
    path = the_file(boards)
    bad = spoiled(path, in_json("results.json", "metrics", "accuracy", value=1.0), mend=False)
    said = harness("leaderboard", "verify", bad)
    assert said.code == 1
    assert "checksum: results.json" in said.out
    assert "numbers: results.json: metrics.accuracy: 1.0, computed again 0." in said.out
    assert harness("leaderboard", "verify", "demo_zh").code == 1


def test_json_says_the_same(harness: Harness, submitted: Said, boards: Path) -> None:
    bad = spoiled(the_file(boards), in_json("results.json", "rank", value=1))
    said = harness("leaderboard", "verify", bad, "--format", "json")
    [one] = json.loads(said.out)["files"]
    assert said.code == 1
    assert (one["ok"], one["board"]) == (False, "demo_zh")
    assert {"check", "part", "line", "message"} == set(one["findings"][0])


def test_what_is_neither_board_nor_file_is_wrong_use(harness: Harness, boards: Path) -> None:
    said = harness("leaderboard", "verify", "nothing.zip")
    assert said.code == 2
    assert "nothing.zip" in said.message


def test_a_path_that_leads_elsewhere_is_told_and_nothing_is_written(
    harness: Harness, submitted: Said, boards: Path, tmp_path: Path
) -> None:
    members = members_of(the_file(boards)) | {"../../evil": b"x"}
    bad = write_zip(tmp_path / "bad.zip", members)
    before = sorted(tmp_path.rglob("*"))
    said = harness("leaderboard", "verify", bad)
    assert said.code == 1
    assert "archive: member '../../evil': a path that leads elsewhere" in said.out
    assert sorted(tmp_path.rglob("*")) == before


def test_a_strangers_control_characters_do_not_reach_the_terminal(
    harness: Harness, submitted: Said, boards: Path
) -> None:
    bad = spoiled(the_file(boards), in_json("results.json", "model", "name", value="\x1b[31mred"))
    said = harness("leaderboard", "verify", bad)
    assert said.code == 1
    assert "\x1b" not in said.out and "\\x1b[31mred" in said.out


def test_a_spot_check_asks_the_model_again(harness: Harness, submitted: Said, boards: Path) -> None:
    verify = ("leaderboard", "verify", the_file(boards), "--spot_check", 10)
    said = harness(*verify, "--model", "baseline:length")
    assert said.code == 0
    assert "10 pairs: 10 of 10 verdicts alike, margins at most 0 apart" in said.out
    other = harness(*verify, "--model", "baseline:shorter")
    assert other.code == 1
    assert "spot_check: pair" in other.out


def test_a_spot_check_asks_by_the_judge_file_of_the_submission(
    harness: Harness, boards: Path, tmp_path: Path
) -> None:
    judge = ("--model", "fake:hash", "--judge", "rubric")
    assert harness("run", "--tasks", "demo_zh", *judge, "--output_path", tmp_path / "out").code == 0
    [folder] = (tmp_path / "out" / "demo_zh").iterdir()
    assert harness("submit", folder, "--board", "demo_zh").code == 0
    verify = ("leaderboard", "verify", the_file(boards), "--spot_check", 5)
    assert "5 of 5 verdicts alike" in harness(*verify, "--model", "fake:hash").out


def test_a_spot_check_takes_a_model_and_one_file(harness: Harness, boards: Path) -> None:
    assert harness("leaderboard", "verify", "--spot_check", 5).code == 2
    spot = ("--spot_check", 5, "--model", "baseline:length")
    assert harness("leaderboard", "verify", *spot).code == 2
    assert harness("leaderboard", "verify", "demo_zh", *spot).code == 2


PUBLISHED = {
    "source": "made up",
    "genres": ["Poetry", "Funny"],
    "pairs_per_genre": {"table1_reward_models": {"zh": [10, 20]}},
    "table1_reward_models": [
        {"model": "<b>m</b>", "kind": "scalar", "language": "zh", "accuracy_by_genre": [50.0, 55.0]}
    ],
}


@pytest.fixture
def published(tmp_path: Path) -> Path:
    """A table without a fault: 5 of 10 and 11 of 20."""
    path = tmp_path / "published.json"
    path.write_text(json.dumps(PUBLISHED))
    return path


def test_a_clean_table_is_accused_of_nothing(
    harness: Harness, boards: Path, published: Path
) -> None:
    said = harness("leaderboard", "audit", published, "--format", "json")
    assert (said.code, json.loads(said.out)) == (0, [])


def test_a_cell_that_no_count_gives_fails_the_audit(
    harness: Harness, boards: Path, published: Path
) -> None:
    published.write_text(published.read_text().replace("50.0", "53.0"))
    said = harness("leaderboard", "audit", published, "--format", "json")
    [finding] = json.loads(said.out)
    assert said.code == 1
    assert (finding["finding"], finding["cell"], finding["value"], finding["n"]) == (
        "impossible_cell", "Poetry", 53.0, 10,
    )  # fmt: skip
    assert "impossible_cell" in harness("leaderboard", "audit", published).out
    assert "| \\<b>m" in harness("leaderboard", "audit", published, "--format", "md").out


def test_a_board_that_reports_nothing_cannot_be_audited(harness: Harness, boards: Path) -> None:
    said = harness("leaderboard", "audit", "demo_zh")
    assert said.code == 2
    assert "board demo_zh has no published.json" in said.message


def test_a_board_is_built_where_it_is_wanted(
    harness: Harness, submitted: Said, tmp_path: Path
) -> None:
    said = harness("leaderboard", "build", "demo_zh", "--no_plots", "--out", tmp_path / "built")
    assert said.code == 0
    assert "baseline:length" in (tmp_path / "built" / "demo_zh" / "README.md").read_text()
    assert harness("leaderboard", "build", "demo_zz").code == 2
