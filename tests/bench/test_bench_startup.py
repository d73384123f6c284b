"""The benchmark of start-up: medians of commands, which have to work."""

from __future__ import annotations

import sys

import pytest
from click.testing import CliRunner

from harness.bench import startup
from harness.bench.startup import Start, StartBench, bench_start, markdown
from harness.cli.main import cli
from harness.errors import HarnessError


def test_every_command_runs_as_often_as_asked() -> None:
    bench = bench_start(repeats=2, lm_eval=False)
    assert [row.command for row in bench.rows] == [
        "python -c pass",
        "harness --help",
        "harness ls tasks",
        "harness report --help",
    ]
    assert all(len(row.seconds) == 2 and min(row.seconds) > 0 for row in bench.rows)


def test_a_slow_command_runs_once_after_the_one_that_does_not_count(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    took = {"python -c pass": 0.01, "harness ls tasks": 5.5}
    monkeypatch.setattr(startup, "_seconds", lambda name, line: took.get(name, 0.1))
    rows = bench_start(repeats=4, lm_eval=False).rows
    assert [len(row.seconds) for row in rows] == [4, 4, 1, 4]


def test_a_command_that_fails_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = {"a way": [sys.executable, "-c", "raise SystemExit('no such thing')"]}
    monkeypatch.setattr(startup, "_ours", lambda: broken)
    with pytest.raises(HarnessError, match="a way, as measured, failed: no such thing"):
        bench_start(repeats=1, lm_eval=False)


def test_what_is_not_installed_is_left_out_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(startup.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(startup, "_seconds", lambda name, line: 0.1)
    text = markdown(bench_start(repeats=1))
    assert "Left out: lm_eval: lm-eval is not installed." in text


def test_the_table_has_the_median_and_its_ratio_to_the_first_row() -> None:
    rows = (Start("bare", (0.02, 0.03, 0.5)), Start("a way", (0.3, 0.06, 0.12)))
    text = " ".join(markdown(StartBench(rows, ())).split())
    assert "| a way | 3 | 0.120 | 0.060 | 0.300 | 4.0x |" in text


def test_the_command_prints_the_table() -> None:
    done = CliRunner().invoke(cli, ["bench", "start", "--repeats", "1", "--no-lm-eval"])
    assert done.exit_code == 0, done.output
    assert "| harness --help" in done.output and "lm_eval" not in done.output
