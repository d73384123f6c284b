"""Files of pairs that do not hold: exit 1, one message that names the rows, nothing written."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rows import row, rows, write_rows

Harness = Callable[..., Any]


GOOD = json.dumps(rows(6), ensure_ascii=False).encode()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "bad.json: empty file"),
        (GOOD[:700], "bad.json: the JSON list ends inside row"),
        ("[\"雨\"]".encode("gbk"), "bad.json: not UTF-8 (byte 2); save it as UTF-8"),
        (b'{"data": []}', "bad.json: JSON, but not a list of rows: an object with the keys 'data'"),
    ],
    ids=["empty", "truncated", "not UTF-8", "not a list"],
)  # fmt: skip
def test_a_file_that_holds_no_rows_is_one_message_and_exit_1(
    run: Harness,
    tmp_path: Path,
    written: Callable[[], list[str]],
    content: bytes,
    message: str,
) -> None:
    file = tmp_path / "bad.json"
    file.write_bytes(content)
    said = run(file=file)
    assert said.code == 1
    assert said.message.removeprefix(f"{tmp_path}{os.sep}").startswith(message)
    assert written() == []


@pytest.fixture
def spoiled(tmp_path: Path) -> Path:
    """Six rows, four of them bad in four ways."""
    records: list[Any] = rows(6)
    del records[1]["tag"]
    records[2]["chosen"]["response"] = ""
    records[3]["rejected"]["response"] = records[3]["chosen"]["response"]
    records[4]["chosen"]["score"] = float("nan")
    return write_rows(tmp_path / "spoiled.json", records)


BAD = [
    "row 2: field tag: missing",
    "row 3: field chosen.response: empty",
    "row 4: field rejected.response: the same text as chosen.response",
    "row 5: field chosen.score: NaN; write null where there is no score",
]


def test_all_bad_rows_are_listed_at_once_with_the_way_out(
    run: Harness, spoiled: Path, written: Callable[[], list[str]]
) -> None:
    said = run(file=spoiled)
    assert said.code == 1
    assert said.err.splitlines() == [
        f"harness: {spoiled}: 4 of 6 rows cannot be used:",
        *[f"  {line}" for line in BAD],
        "mend them, or leave them out with --bad_rows drop",
    ]
    assert written() == []


def test_bad_rows_left_out_are_said_counted_and_part_of_the_identity(
    run: Harness, spoiled: Path, tmp_path: Path
) -> None:
    said = run("--bad_rows", "drop", file=spoiled)
    assert said.code == 0
    assert [line.removeprefix("wpb_zh: ") for line in said.err.splitlines()] == BAD
    [folder] = (tmp_path / "out" / "wpb_zh").iterdir()
    assert json.loads((folder / "results.json").read_text())["data"]["dropped_rows"] == 4
    assert json.loads((folder / "manifest.json").read_text())["identity"]["dropped_rows"] == 4


def test_a_bad_file_of_one_task_stops_the_others_before_they_begin(
    run: Harness, spoiled: Path, written: Callable[[], list[str]]
) -> None:
    assert run("--tasks", "demo_zh,wpb_zh", file=spoiled).code == 1
    assert written() == []


def test_quirks_of_a_file_are_notices_and_no_errors(run: Harness, tmp_path: Path) -> None:
    odd = row("/", "one", "two")
    file = write_rows(tmp_path / "odd.json", [odd, odd, row("p", "three", "four", tag="无此类")])
    said = run(file=file)
    assert said.code == 0
    assert "on 3 pairs" in said.out
    assert "无此类" in said.err
