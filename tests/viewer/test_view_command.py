"""`harness view`: where the page goes, and what it says on the way."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner
from rows import rows
from viewed import Page, pair_run

from harness.cli.view import view
from harness.errors import UsageError


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def called(*arguments: object) -> str:
    return CliRunner().invoke(view, list(map(str, arguments)), catch_exceptions=False).output


def test_the_page_is_named_after_the_run_and_lies_here(here: Path) -> None:
    folder, file = pair_run(here, rows(3))
    said = called(folder, "--data", f"wpb_zh={file}")
    assert said.startswith(f"{folder.name}.html: ")
    assert len(Page((here / f"{folder.name}.html").read_text(encoding="utf-8")).items) == 3
    assert not list(folder.glob("*.html"))


def test_two_runs_give_one_page_and_out_names_it(here: Path) -> None:
    one, file = pair_run(here, rows(3))
    two, _ = pair_run(here, rows(3), "baseline:length")
    called(one, two, "--data", f"wpb_zh={file}", "--out", "both.html")
    assert len(Page((here / "both.html").read_text(encoding="utf-8")).items) == 3


def test_a_page_that_cannot_be_written_is_told_before_the_work(here: Path) -> None:
    folder, file = pair_run(here, rows(3))
    with pytest.raises(UsageError, match="no folder"):
        called(folder, "--data", f"wpb_zh={file}", "--out", "nowhere/page.html")
