"""`harness validate --data`: a file of data checked as a run would read it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from harness.data import still_file

Run = Callable[..., tuple[int, str, str]]
Rows = Callable[..., dict[str, Any]]
Write = Callable[..., Path]


def test_a_good_file_is_a_line_with_its_pairs(run_harness: Run, file: Path) -> None:
    code, out, err = run_harness("validate", "--data", f"wpb_zh={file}")
    assert (code, out) == (0, f"{file}: ok, 2 pairs\n")
    assert "count as Other: 1" in err


def test_prompts_of_a_writing_task_are_counted(
    run_harness: Run, make_row: Rows, write_rows: Write
) -> None:
    file = write_rows([make_row(1), make_row(2), make_row(2, chosen_response="other")])
    code, out, _ = run_harness("validate", "--data", f"coig_writer_zh={file}")
    assert (code, out) == (0, f"{file}: ok, 2 distinct prompts\n")


def test_all_bad_rows_of_every_file_are_told(
    run_harness: Run, make_row: Rows, write_rows: Write, monkeypatch: Any
) -> None:
    monkeypatch.setattr(still_file, "LARGE", 1)
    bad = write_rows([make_row(1), make_row(2, tag=None), 5], "bad.jsonl")
    good = write_rows([make_row(1)], "good.jsonl")
    code, out, err = run_harness("validate", "--data", f"wpb_zh={bad}", "--data", f"wpb_en={good}")
    assert code == 1
    assert f"{bad}: 2 of 3 rows cannot be used:\n  row 2: field tag" in out
    assert "  row 3: must be an object, not a number" in out
    assert f"{good}: ok, 1 pair\n" in out
    assert "1 of 2 files are bad" in err


def test_yaml_may_be_named_beside_data(run_harness: Run, file: Path) -> None:
    code, out, _ = run_harness("validate", "wpb_zh", "--data", f"wpb_zh={file}")
    assert code == 0
    assert [line.rpartition(": ")[2] for line in out.splitlines()] == ["ok", "ok, 2 pairs"]


def test_a_file_of_data_without_its_task_is_wrong_use(run_harness: Run, file: Path) -> None:
    code, _, err = run_harness("validate", file)
    assert code == 2
    assert f"--data TASK={file}" in err


def test_a_group_or_a_name_that_is_no_task_is_wrong_use(run_harness: Run, file: Path) -> None:
    for name in ("wpb", "wpb_appendix_b", "nothing"):
        code, _, err = run_harness("validate", "--data", f"{name}={file}")
        assert (code, name in err) == (2, True)
