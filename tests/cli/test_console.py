"""What progress says in a log file: how far, how fast, how long yet."""

from __future__ import annotations

import pytest

from harness.cli import console


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [0.0]
    monkeypatch.setattr(console.time, "monotonic", lambda: now[0])
    return now


def test_a_writer_shows_tokens_a_second_and_how_long_a_text_takes(
    clock: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    progress = console.Console()
    progress.start("writing", 4, "texts")
    clock[0] = 20.0
    progress.advance(1, tokens=500)
    assert capsys.readouterr().err == ("writing: 1/4 texts, 20.0 s each, 25 tokens/s, 60 s left\n")


def test_quick_work_shows_units_a_second_and_no_tokens(
    clock: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    progress = console.Console()
    progress.start("scoring", 1000, "texts")
    clock[0] = 4.9
    progress.advance(100)
    assert capsys.readouterr().err == "", "what takes no five seconds says nothing"
    clock[0] = 10.0
    progress.advance(400)
    assert capsys.readouterr().err == "scoring: 500/1,000 texts, 50/s, 10 s left\n"
    clock[0] = 30.0
    progress.advance(500)
    assert capsys.readouterr().err == "", "what is over has no time left"
    progress.start("scoring", 1000, "texts")
    clock[0] = 40.0
    progress.advance(1)
    capsys.readouterr()
    clock[0] = 49.5
    progress.advance(1)
    assert capsys.readouterr().err == "", "a line every ten seconds"
