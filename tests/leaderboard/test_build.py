"""A board built: its README, CSV and JSON, from real submissions and from made-up rows."""

from __future__ import annotations

import csv
import io
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from boards import HOSTILE, made_up
from submitted import demo_run, in_json, make_board, packed, spoiled

from harness.bundled import bundled_dir
from harness.leaderboard.boards import Board, find_boards, load_board
from harness.leaderboard.build import build_board, build_rows
from harness.leaderboard.gather import BoardRows, gather
from harness.leaderboard.published import board_published
from harness.leaderboard.rows_rank import rank_values
from harness.leaderboard.rows_reported import reported_arenas

ROOT = Path(__file__).resolve().parents[2] / "leaderboards"


@pytest.fixture(scope="module")
def made() -> BoardRows:
    return made_up(30, 120)


@pytest.fixture(scope="module")
def submitted_board(tmp_path_factory: pytest.TempPathFactory) -> Board:
    """demo_zh with two submissions that hold and one whose accuracy was edited."""
    root = tmp_path_factory.mktemp("boards")
    board = make_board(root, "demo_zh")
    for name in ("ttr", "shorter", "random"):
        run = demo_run(root / "runs", f"baseline:{name}")
        packed(run, board, board.folder / "submissions" / f"{name}.zip")
    bad = board.folder / "submissions" / "random.zip"
    edited = spoiled(bad, in_json("results.json", "metrics", "accuracy", value=0.99))
    edited.replace(bad)
    return board


def test_only_what_verifies_stands_on_a_board_and_the_rest_is_named(submitted_board: Board) -> None:
    found = gather(submitted_board)
    assert [row.name for row in found.rows] == ["baseline:shorter", "baseline:ttr"]
    assert [one.file for one in found.left_out] == ["random.zip"]
    assert found.left_out[0].findings >= 1


def test_runs_over_the_same_pairs_are_ranked_together(submitted_board: Board) -> None:
    rows = gather(submitted_board).rows
    # 50.0 against 43.8 on 64 pairs in 32 clusters: no difference that chance would not give
    assert [row.rank for row in rows] == [(1, 2), (1, 2)]
    assert [row.standing for row in rows] == ["highest, tied", "tied with the leader"]


def test_the_same_board_gives_the_same_bytes(submitted_board: Board, tmp_path: Path) -> None:
    for name in ("one", "two"):
        build_board(submitted_board, out_root=tmp_path / name)
    files = sorted(p.relative_to(tmp_path / "one") for p in (tmp_path / "one").rglob("*.*"))
    assert any(path.suffix == ".png" for path in files)
    for path in files:
        assert (tmp_path / "one" / path).read_bytes() == (tmp_path / "two" / path).read_bytes(), (
            path
        )


def test_stored_values_stand_unrounded_in_csv_and_json(
    submitted_board: Board, tmp_path: Path
) -> None:
    build_board(submitted_board, out_root=tmp_path, plots=False)
    document = json.loads((tmp_path / "demo_zh" / "board.json").read_text())
    lines = list(csv.DictReader(io.StringIO((tmp_path / "demo_zh" / "board.csv").read_text())))
    whole = [line for line in lines if line["by"] == "all"]
    assert [row["accuracy"] for row in document["rows"]] == [0.5, 0.4375]
    assert [float(line["accuracy"]) for line in whole] == [0.5, 0.4375]
    assert len(lines) == len(whole) + len(document["genres"])
    assert document["left_out"][0]["file"] == "random.zip"


def test_the_page_of_a_submission_that_is_gone_goes_too(made: BoardRows, tmp_path: Path) -> None:
    build_rows(made, out_root=tmp_path, plots=False)
    build_rows(replace(made, rows=made.rows[1:]), out_root=tmp_path, plots=False)
    pages = {path.name for path in (tmp_path / "site" / "demo_zh").glob("*.html")}
    assert pages == {"index.html", *(row.page for row in made.rows[1:])}


def test_a_model_that_is_right_everywhere_leads_one_that_is_wrong_everywhere() -> None:
    values = [np.zeros(40), np.ones(40), np.ones(40)]
    assert rank_values(values, np.arange(40)) == [
        ((3, 3), ""),
        ((1, 2), "highest, tied"),
        ((1, 2), "tied with the leader"),
    ]


def test_more_than_thirty_models_can_still_be_told_apart() -> None:
    # 561 tests: with 9,999 flips the smallest p times 561 would be 0.056
    rng = np.random.default_rng(0)
    values = [(rng.random(60) < 0.5).astype(float) for _ in range(33)] + [np.ones(60)]
    assert rank_values(values, np.arange(60))[-1] == ((1, 1), "leads")


def test_reported_rows_have_wilsons_interval_and_no_rank(tmp_path: Path) -> None:
    board = load_board("wpb_zh", ROOT)
    reported = gather(board).reported
    row = next(row for row in reported if row.name == "RM-R1-Qwen2.5-7B")
    assert row.rank is None
    # 73.3 % of 600 by statsmodels: proportion_confint(439.8, 600, method="wilson")
    from statsmodels.stats.proportion import proportion_confint

    low, high = proportion_confint(439.8, 600, method="wilson")
    assert row.numbers["wilson95"] == pytest.approx([low, high])
    assert row.genres["Poetry"]["underpowered"] and row.genres["Poetry"]["n"] == 11


def test_the_papers_win_rates_are_recounted_and_tested() -> None:
    [arena] = reported_arenas(board_published(load_board("coig_writer_zh", ROOT)), "zh")
    best, general = arena["runs"].index("CW+10k"), arena["runs"].index("G")
    assert arena["wins"][best][general] == 128 and arena["n"][best][general] == 204
    from scipy.stats import binomtest

    assert arena["p"][best][general] == pytest.approx(binomtest(128, 204).pvalue)
    assert arena["wilson95"][best][general] == pytest.approx([0.5595, 0.6909], abs=1e-3)


def test_the_audit_stands_under_the_reported_table(tmp_path: Path) -> None:
    build_board(load_board("wpb_zh", ROOT), out_root=tmp_path, plots=False)
    text = (tmp_path / "wpb_zh" / "README.md").read_text()
    assert text.index("## Reported") < text.index("impossible_cell") < text.index("by genre")


def test_strangers_names_do_nothing_in_markdown(made: BoardRows, tmp_path: Path) -> None:
    build_rows(made, out_root=tmp_path, plots=False)
    text = (tmp_path / "demo_zh" / "README.md").read_text()
    assert "\u202e" not in text and "\u200f" not in text
    for line in text.splitlines():
        bare = line.replace("\\<", "").removeprefix("<!-- made by")
        assert "<script" not in bare and "<img" not in bare and "</td" not in bare
    assert "](javascript" not in text.replace("\\](javascript", "")


def test_a_name_that_a_spreadsheet_would_run_has_an_apostrophe(
    made: BoardRows, tmp_path: Path
) -> None:
    build_rows(made, out_root=tmp_path, plots=False)
    lines = csv.DictReader(io.StringIO((tmp_path / "demo_zh" / "board.csv").read_text()))
    names = {line["model"] for line in lines}
    formula = next(name for name in HOSTILE if name.startswith("="))
    assert f"'{formula}" in names and formula not in names


def test_genres_with_too_few_pairs_are_in_brackets(made: BoardRows, tmp_path: Path) -> None:
    build_rows(made, out_root=tmp_path, plots=False)
    section = (tmp_path / "demo_zh" / "README.md").read_text().split("## By genre")[1]
    assert "In brackets: n too small" in section and "**" not in section.replace("\\*\\*", "")


def test_what_ships_is_what_build_makes_of_what_ships(tmp_path: Path) -> None:
    shipped = bundled_dir("leaderboards")
    root = tmp_path / "leaderboards"
    shutil.copytree(shipped, root, ignore=shutil.ignore_patterns("site", "plots"))
    for name, board in find_boards(root).items():
        build_board(board, out_root=root, plots=False)
        for file in ("README.md", "board.csv", "board.json"):
            assert (root / name / file).read_bytes() == (shipped / name / file).read_bytes(), file


def test_a_board_without_its_data_says_how_to_get_the_null_rows(tmp_path: Path) -> None:
    root = tmp_path / "leaderboards"
    shutil.copytree(bundled_dir("leaderboards") / "wpb_zh", root / "wpb_zh")
    build_board(load_board("wpb_zh", root), out_root=root, plots=False)
    said = (root / "wpb_zh" / "README.md").read_text(encoding="utf-8")
    assert "harness data fetch wpb_zh" in said.replace("\\", "")
