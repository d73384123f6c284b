"""Submissions packed: one file with what the run knows, and runs that a board cannot take."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import written
from rows import rows, write_rows
from submitted import demo_run, make_board, members_of

from harness.errors import DataError, UsageError
from harness.leaderboard.entries import read_submission
from harness.leaderboard.submit import About, pack
from harness.request import RunRequest
from harness.runner import run


@pytest.fixture(scope="module")
def length(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return demo_run(tmp_path_factory.mktemp("runs"), "baseline:length")


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return demo_run(tmp_path_factory.mktemp("runs"), "fake:hash")


def test_a_run_becomes_one_file_named_by_model_and_identity(length: Path, tmp_path: Path) -> None:
    board = make_board(tmp_path, "demo_zh")
    path = pack(length, board, About()).path
    assert path == board.folder / "submissions" / f"{length.name}.zip"
    assert sorted(members_of(path)) == [
        "manifest.json", "pairs.jsonl", "results.json", "scores.jsonl", "submission.json",
        "verdicts.jsonl",
    ]  # fmt: skip


def test_the_parts_are_the_files_of_the_run(length: Path, tmp_path: Path) -> None:
    path = pack(length, make_board(tmp_path, "demo_zh"), About()).path
    for name, content in members_of(path).items():
        if name != "submission.json":
            assert content == (length / name).read_bytes()


def test_the_same_run_gives_the_same_bytes(judged: Path, tmp_path: Path) -> None:
    board = make_board(tmp_path, "demo_zh")
    one = pack(judged, board, About(), path=tmp_path / "one.zip").path
    other = pack(judged, board, About(), path=tmp_path / "other.zip").path
    assert one.read_bytes() == other.read_bytes()


def test_what_nobody_said_is_null(length: Path, tmp_path: Path) -> None:
    meta = read_submission(pack(length, make_board(tmp_path, "demo_zh"), About()).path).meta
    assert (meta.contact, meta.license, meta.trained_on_test) == (None, None, None)
    assert (meta.board, meta.kind, meta.raw) == ("demo_zh", "preference", True)


def test_what_was_said_is_kept_as_text(length: Path, tmp_path: Path) -> None:
    about = About(contact="<b>me</b>", license="CC-BY-4.0", trained_on_test="no")
    meta = read_submission(pack(length, make_board(tmp_path, "demo_zh"), about).path).meta
    assert (meta.contact, meta.license, meta.trained_on_test) == ("<b>me</b>", "CC-BY-4.0", "no")


def test_answers_may_be_left_out_and_verdicts_never(judged: Path, tmp_path: Path) -> None:
    path = pack(judged, make_board(tmp_path, "demo_zh"), About(raw=False)).path
    lines = [json.loads(line) for line in members_of(path)["verdicts.jsonl"].splitlines()]
    stored = [json.loads(line) for line in (judged / "verdicts.jsonl").read_text().splitlines()]
    assert {line["raw"] for line in lines} == {None} != {line["raw"] for line in stored}
    assert [line["outcome"] for line in lines] == [line["outcome"] for line in stored]
    assert read_submission(path).meta.raw is False


def test_a_run_of_another_task_is_refused(length: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="board demo_en takes preference runs of demo_en"):
        pack(length, make_board(tmp_path, "demo_en"), About())


def test_a_run_that_left_pairs_out_is_refused(tmp_path: Path) -> None:
    request = RunRequest(tasks=("demo_zh",), model="baseline:length", limit=8, output_path=tmp_path)
    with pytest.raises(DataError, match=r"56 of the file were left out \(--limit or --genres\)"):
        pack(run(request)[0].folder, make_board(tmp_path, "demo_zh"), About())


def test_a_run_with_genres_of_its_own_is_refused(tmp_path: Path) -> None:
    request = RunRequest(
        tasks=("demo_zh",), model="baseline:length", genre_map="tag", output_path=tmp_path
    )
    with pytest.raises(DataError, match="its genres are those of 'tag'"):
        pack(run(request)[0].folder, make_board(tmp_path, "demo_zh"), About())


def test_a_run_that_is_not_finished_is_refused(length: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    for file in length.iterdir():
        if file.name != "results.json" and file.is_file():
            (folder / file.name).write_bytes(file.read_bytes())
    with pytest.raises(DataError, match="not finished"):
        pack(folder, make_board(tmp_path, "demo_zh"), About())


def replaced(tmp_path: Path) -> Path:
    data = write_rows(tmp_path / "pairs.json", rows(24))
    request = RunRequest(
        tasks=("wpb_zh",), model="baseline:length", data={"wpb_zh": data}, output_path=tmp_path
    )
    return run(request)[0].folder


def test_a_board_of_pinned_data_refuses_data_of_ones_own(tmp_path: Path) -> None:
    board = make_board(tmp_path / "boards", "wpb_zh")
    with pytest.raises(DataError, match=r"made with --data.*--out FILE packs it all the same"):
        pack(replaced(tmp_path), board, About())
    assert list((board.folder / "submissions").iterdir()) == []


def test_an_unfit_run_may_be_packed_for_oneself(tmp_path: Path) -> None:
    board = make_board(tmp_path / "boards", "wpb_zh")
    done = pack(replaced(tmp_path), board, About(), path=tmp_path / "mine.zip")
    assert done.notices == ("not fit for the board: it was made with --data",)
    assert read_submission(done.path).meta.board == "wpb_zh"


def test_a_run_that_wrote_is_packed_with_its_texts(tmp_path: Path) -> None:
    [one] = written.write_runs(tmp_path, written.texts(["m"], 4), 4)
    board = make_board(tmp_path / "boards", "coig_writer_zh")
    done = pack(one.folder, board, About(), path=tmp_path / "mine.zip")
    assert {"prompts.jsonl", "texts.jsonl", "measures.jsonl"} < set(members_of(done.path))
    assert read_submission(done.path).kind == "writing"
