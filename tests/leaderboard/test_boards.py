"""The boards that ship, and how a board is found."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.bundled import bundled_dir
from harness.errors import DataError, UsageError
from harness.leaderboard.boards import boards_root, find_boards, load_board
from harness.leaderboard.published import board_published
from harness.leaderboard.submit import board_task
from harness.specs import TaskSpec

SHIPPED = bundled_dir("leaderboards")
PREFERENCE = ("demo_en", "demo_zh", "wpb_en", "wpb_zh")
WRITING = ("coig_writer_en", "coig_writer_zh")


def board_file(root: Path, name: str, text: str = "") -> Path:
    folder = root / name
    folder.mkdir(parents=True)
    (folder / "board.yaml").write_text(text or f"{{kind: board, name: {name}, task: demo_zh}}\n")
    return folder


def test_six_boards_ship() -> None:
    assert tuple(find_boards(SHIPPED)) == tuple(sorted((*PREFERENCE, *WRITING)))


@pytest.mark.parametrize("name", [*PREFERENCE, *WRITING])
def test_a_shipped_board_ranks_the_task_of_its_name_in_its_language(name: str) -> None:
    board = load_board(name, SHIPPED)
    task = board_task(board)
    assert board.name == board.spec.task == task.name == name
    assert task.language == name[-2:]
    assert isinstance(task, TaskSpec) == (name in PREFERENCE)


@pytest.mark.parametrize("name", [*PREFERENCE, *WRITING])
def test_a_board_of_a_paper_holds_its_tables_and_one_of_the_demo_its_nulls(name: str) -> None:
    board = load_board(name, SHIPPED)
    published = board_published(board)
    if name.startswith("demo"):
        assert published is None and board.published is None
        assert board.nulls is not None and board.nulls["task"] == name
        return
    assert published is not None and board.published is not None
    assert board.published["reported"] is True and board.published["source"] in board_source(name)
    languages = {table.language for table in (*published.tables, *published.arenas)}
    assert languages == {name[-2:]}


def board_source(name: str) -> str:
    return load_board(name, SHIPPED).spec.source


def test_submissions_are_the_zip_files_sorted_by_name(tmp_path: Path) -> None:
    folder = board_file(tmp_path, "mine") / "submissions"
    folder.mkdir()
    for name in ("b.zip", "a.zip", ".gitkeep", "c.txt"):
        (folder / name).touch()
    board = load_board("mine", tmp_path)
    assert [path.name for path in board.submissions] == ["a.zip", "b.zip"]


def test_a_board_without_files_has_no_tables_no_nulls_and_no_submissions(tmp_path: Path) -> None:
    board_file(tmp_path, "mine")
    board = load_board("mine", tmp_path)
    assert (board.published, board.nulls, board.submissions) == (None, None, ())


def test_the_boards_are_those_given_else_those_here_else_those_that_ship(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert boards_root() == SHIPPED
    (tmp_path / "leaderboards").mkdir()
    assert boards_root().resolve() == tmp_path / "leaderboards"
    assert boards_root(SHIPPED) == SHIPPED
    with pytest.raises(UsageError, match="no such folder"):
        boards_root(tmp_path / "nowhere")


def test_an_unknown_board_is_answered_with_the_nearest_name() -> None:
    with pytest.raises(UsageError, match="did you mean 'wpb_zh'"):
        load_board("wbp_zh", SHIPPED)


def test_a_board_whose_name_is_not_its_folders_is_refused(tmp_path: Path) -> None:
    board_file(tmp_path, "mine", "{kind: board, name: yours, task: demo_zh}\n")
    with pytest.raises(UsageError, match=r"mine/board.yaml: field name: must be 'mine'"):
        find_boards(tmp_path)


@pytest.mark.parametrize("text", ["[]", "{", "\xff", "[" * 100_000])
def test_tables_that_are_no_json_object_are_refused_with_the_files_name(
    tmp_path: Path, text: str
) -> None:
    folder = board_file(tmp_path, "mine")
    (folder / "nulls.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(DataError, match=r"mine/nulls\.json"):
        load_board("mine", tmp_path).nulls  # noqa: B018
