"""What the tests of data share: rows to spoil, and the command line run in this process."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.cli.main import main
from harness.data import PromptSet, load_prompts
from harness.records import Pair, Side
from harness.spec_files import load_named
from harness.specs import TaskSpec, WritingSpec

Row = dict[str, Any]


def _side(response: str, **changes: Any) -> Row:
    whole = {"response": response, "score": 3, "model": "m", "word_len": 2}
    return {**whole, "completion_tokens": 5, "prompt_tokens": 7, **changes}


@pytest.fixture
def make_row() -> Callable[..., Row]:
    """A good row with changed fields: `tag="x"`, `chosen_score=None`, `rejected_response=...`."""

    def make(number: int = 1, **changes: Any) -> Row:
        sides = {"chosen": _side(f"good {number}"), "rejected": _side(f"bad {number}", score=1)}
        row: Row = {"prompt": f"write {number}", "prompt_id": f"p{number}", "tag": "诗歌", **sides}
        for key, value in changes.items():
            name, _, field = key.partition("_")
            if name in sides and field:
                row[name][field] = value
            else:
                row[key] = value
        return row

    return make


@pytest.fixture
def write_rows(tmp_path: Path) -> Callable[..., Path]:
    """Rows into a file, as a JSON list unless its name ends in .jsonl."""

    def write(rows: list[Any], name: str = "pairs.json") -> Path:
        lines = [json.dumps(row, ensure_ascii=False) for row in rows]
        text = "\n".join(lines) if name.endswith(".jsonl") else f"[{', '.join(lines)}]"
        (tmp_path / name).write_text(text, encoding="utf-8")
        return tmp_path / name

    return write


@pytest.fixture
def make_pair() -> Callable[..., Pair]:
    """A pair by what links it to others."""

    def make(prompt_id: str, prompt: str, chosen: str, rejected: str, row: int = 1) -> Pair:
        sides = Side(chosen, None, None), Side(rejected, None, None)
        return Pair(f"id{row}", prompt_id, prompt, "tag", "genre", "en", *sides, row)

    return make


@pytest.fixture
def wpb_zh() -> TaskSpec:
    return load_named("tasks", "wpb_zh", TaskSpec, "task")


@pytest.fixture
def coig_writer_zh() -> WritingSpec:
    return load_named("tasks", "coig_writer_zh", WritingSpec, "task")


@pytest.fixture
def load(coig_writer_zh: WritingSpec, write_rows: Callable[..., Path]) -> Callable[..., PromptSet]:
    """The prompts of rows that stand in for the task's own."""

    def of(rows: list[Any], name: str = "rows.json", **options: Any) -> PromptSet:
        return load_prompts(coig_writer_zh, file=write_rows(rows, name), **options)

    return of


@pytest.fixture
def run_harness(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., tuple[int, str, str]]:
    """The `harness` command: exit code, stdout, stderr."""

    def run(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["harness", *map(str, arguments)])
        code = 0
        try:
            main()
        except SystemExit as error:
            code = int(error.code or 0)
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


@pytest.fixture
def no_hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A hub that cannot be reached, and an empty cache."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)


@pytest.fixture
def file(make_row: Callable[..., dict[str, Any]], write_rows: Callable[..., Path]) -> Path:
    """Two pairs, one of a tag that no genre has."""
    return write_rows([make_row(1), make_row(2, tag="Odd")])
