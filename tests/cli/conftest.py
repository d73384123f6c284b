"""The command line, run in this process, over a few made-up pairs."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from rows import rows, write_rows

from harness.cli.main import main


@dataclass(frozen=True)
class Said:
    """What a command left: its exit code and what it wrote."""

    code: int
    out: str
    err: str

    @property
    def message(self) -> str:
        """The one line of an error a user can mend."""
        assert self.out == "", "an error leaves stdout empty"
        lines = self.err.splitlines()
        assert len(lines) == 1, f"not one line: {self.err}"
        assert lines[0].startswith("harness: ")
        return lines[0].removeprefix("harness: ")


Harness = Callable[..., Said]


@pytest.fixture
def harness(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Harness:
    """The command, run in this process with an empty folder as its working directory."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")

    def run(*arguments: object) -> Said:
        monkeypatch.setattr(sys, "argv", ["harness", *map(str, arguments)])
        capsys.readouterr()  # what making a checkpoint wrote
        code = 0
        try:
            main()
        except SystemExit as stopped:
            code = int(stopped.code or 0)
        captured = capsys.readouterr()
        return Said(code, captured.out, captured.err)

    return run


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write_rows(tmp_path / "pairs.json", rows(24))


@pytest.fixture
def run(harness: Harness, data: Path, tmp_path: Path) -> Harness:
    """`harness run` of the length baseline over 24 made-up pairs, into `out`."""

    def one(*arguments: object, model: object = "baseline:length", file: Path = data) -> Said:
        usual = ("--tasks", "wpb_zh", "--data", f"wpb_zh={file}", "--model", model)
        return harness("run", *usual, "--output_path", tmp_path / "out", *arguments)

    return one


@pytest.fixture
def written(tmp_path: Path) -> Callable[[], list[str]]:
    """The files below the output folder."""
    out = tmp_path / "out"
    return lambda: sorted(path.name for path in out.rglob("*") if path.is_file())
