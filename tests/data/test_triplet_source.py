"""Where training files lie: beside the recipe, in the hub's cache, as pinned, or nowhere."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.data.fetch import NotAtHandError
from harness.data.triplets import TripletFile, load_triplets
from harness.errors import DataError, HarnessError, UsageError
from harness.specs import HubFiles, TripletSource

Row = dict[str, Any]


def test_a_relative_file_lies_beside_the_recipe_or_where_the_user_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, here = tmp_path / "home", tmp_path / "here"
    for folder in (home, here):
        folder.mkdir()
        (folder / "both.jsonl").write_text(f'{{"query": "{folder.name}", "answer": "a"}}')
    (here / "one.jsonl").write_text('{"query": "one", "answer": "a"}')
    monkeypatch.chdir(here)

    def query(file: str, home: Path | None) -> str:
        return load_triplets(TripletSource(file=file), name="x", home=home).triplets[0].query

    assert query("both.jsonl", home) == "home"
    assert query("both.jsonl", None) == "here"
    assert query("one.jsonl", home) == "one"


@pytest.mark.parametrize(
    ("file", "said"),
    [
        ("none.jsonl", "--set data.creative.file=none.jsonl: no such file"),
        (".", "--set data.creative.file=.: a directory, not a file of rows"),
        (None, "data.creative: neither a file nor a dataset of the hub"),
    ],
)
def test_a_source_without_its_file_is_wrong_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str | None, said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError) as caught:
        load_triplets(TripletSource(file=file), name="creative", home=tmp_path)
    assert said in str(caught.value) and "--set data.creative.file" in str(caught.value)


COMMITS = ("a" * 40, "b" * 40)
R1 = {"input": "ask", "reasoning_content": "t", "content": "said"}


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Puts files into the real client's cache, `main` being at the first commit."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    cache = tmp_path / "hub" / "datasets--who--what"

    def put(name: str, rows: list[Row], commit: str = COMMITS[0]) -> Path:
        (cache / "refs").mkdir(parents=True, exist_ok=True)
        (cache / "refs" / "main").write_text(COMMITS[0])
        file = cache / "snapshots" / commit / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return file

    return put


def of_hub(
    *files: str, at_hand: bool = False, reader: str = "deepseek_r1", **pins: Any
) -> TripletFile:
    where = HubFiles(repo="who/what", revision="main", files=files or ("r1.jsonl",), **pins)
    source = TripletSource(hub=where, reader=reader)  # type: ignore[arg-type]
    return load_triplets(source, name="general_zh", at_hand=at_hand)


def test_the_commit_behind_a_branch_is_recorded(hub: Callable[..., Path]) -> None:
    put = hub("r1.jsonl", [R1])
    file = of_hub(expect=1, at_hand=True)
    assert (file.file, file.revision, file.rows) == ("r1.jsonl", COMMITS[0], 1)
    assert file.sha256 == hashlib.sha256(put.read_bytes()).hexdigest()
    (one,) = file.triplets
    assert (one.query, one.thought, one.answer) == ("ask", "t", "said")


def test_several_files_are_one_source_with_one_sum_and_one_commit(
    hub: Callable[..., Path],
) -> None:
    puts = [
        hub("data/1.jsonl", [R1, R1]),
        hub("data/2.jsonl", [R1]),
        hub("data/2.jsonl", [R1], COMMITS[1]),
    ]
    file = of_hub("data/1.jsonl", "data/2.jsonl")
    sums = [hashlib.sha256(put.read_bytes()).hexdigest() for put in puts[:2]]
    assert file.sha256 == hashlib.sha256("\n".join(sums).encode()).hexdigest()
    assert (file.file, file.revision) == ("1.jsonl, 2.jsonl", COMMITS[0])
    assert [one.row for one in file.triplets] == [1, 2, 3]


def test_every_file_is_asked_for_at_the_commit_of_the_first(
    hub: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    import huggingface_hub

    paths = {name: str(hub(name, [R1])) for name in ("1.jsonl", "2.jsonl")}
    asked: list[str] = []

    def download(repo: str, file: str, *, revision: str, **_: Any) -> str:
        asked.append(revision)
        return paths[file]

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", download)
    of_hub("1.jsonl", "2.jsonl")
    assert asked == ["main", COMMITS[0]]


def test_bad_rows_of_several_files_name_theirs(hub: Callable[..., Path]) -> None:
    hub("1.jsonl", [R1])
    hub("2.jsonl", [R1, R1 | {"content": ""}])
    with pytest.raises(DataError, match=r"1 of 3 rows.*\n  2\.jsonl row 2: field content: empty"):
        of_hub("1.jsonl", "2.jsonl")


@pytest.mark.parametrize(
    ("row", "reader", "missing"),
    [
        ({"instruction": "q", "output": "a"}, "deepseek_r1", "input, reasoning_content, content"),
        ({"query": "q", "answer": "a"}, "coig_writer", "thought"),
        ({"query": "q", "thought": "t"}, "rows", "answer"),
        ({"messages": []}, "openthoughts", "conversations"),
    ],
)
def test_missing_columns_of_a_dataset_are_named_with_those_found(
    hub: Callable[..., Path], row: Row, reader: str, missing: str
) -> None:
    hub("r1.jsonl", [row, row])
    with pytest.raises(DataError) as caught:
        of_hub(reader=reader)
    said = str(caught.value)
    assert f"no column {missing}, which the reader {reader} needs" in said
    assert f"found: {', '.join(row)}" in said and "--set data.general_zh.reader=" in said


def test_what_is_not_at_hand_is_not_fetched(
    hub: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import constants

    hub("other.jsonl", [R1])
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    with pytest.raises(NotAtHandError) as caught:
        of_hub(at_hand=True)
    for part in ("data.general_zh", "r1.jsonl of who/what", "--set data.general_zh.file=FILE"):
        assert part in str(caught.value)


def test_what_cannot_be_fetched_names_the_way_out(hub: Callable[..., Path]) -> None:
    hub("other.jsonl", [R1])
    with pytest.raises(DataError, match=r"cannot get r1\.jsonl.*--set data\.general_zh\.file=FILE"):
        of_hub()


@pytest.mark.parametrize(
    ("pins", "kind", "said"),
    [
        ({"sha256": ("0" * 64,)}, DataError, "is not the file the recipe names"),
        ({"sha256": ("0" * 64, "1" * 64)}, UsageError, "2 sums for 1 files"),
        (
            {"expect": 7},
            DataError,
            r"1 rows, the recipe expects 7.*data\.general_zh\.hub\.expect=1",
        ),
    ],
)
def test_a_dataset_that_differs_from_its_pins_is_refused(
    hub: Callable[..., Path], pins: Row, kind: type[HarnessError], said: str
) -> None:
    hub("r1.jsonl", [R1])
    with pytest.raises(kind, match=said):
        of_hub(**pins)


def test_a_file_of_ones_own_goes_before_the_hub(
    hub: Callable[..., Path], write_rows: Callable[..., Path]
) -> None:
    where = HubFiles(repo="who/what", revision="main", files=("none",), expect=9)
    own = write_rows([{"query": "q", "answer": "a"}], "own.jsonl")
    source = TripletSource(file=str(own), hub=where, reader="openthoughts")
    file = load_triplets(source, name="general_en")
    assert (file.file, file.revision, file.rows) == ("own.jsonl", None, 1)
