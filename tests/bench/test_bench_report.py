"""The benchmark of reports: a row a way and size, on run folders that it makes."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from harness.bench.apart import Timed, apart, command, program
from harness.bench.report_time import Row, bench_report, markdown
from harness.cli.main import cli
from harness.errors import DataError, HarnessError, UsageError
from harness.stored import read_run


def test_every_way_is_measured_for_either_scorer() -> None:
    rows = bench_report(verdicts=(40,))
    ways = ["results.json anew", "harness report RUN", "harness report RUN --by length"]
    assert [(row.scorer, row.way) for row in rows] == [
        (scorer, way) for scorer in ("reward model", "judge, both orders") for way in ways
    ]
    assert all(row.verdicts == 40 and row.size > 0 for row in rows)
    assert all(row.timed.seconds > 0 and row.timed.peak > 10 for row in rows)


def test_the_table_has_seconds_and_memory() -> None:
    row = Row("reward model", 10_000, 7.2, "a way", Timed(1.234, 0.987, 105.6))
    text = " ".join(markdown([row]).split())
    assert "| reward model | 10,000 | 7 | a way | 1.23 | 0.99 | 106 |" in text


@pytest.mark.parametrize("text", ["", "0", "10,x", "1.5", "-3"])
def test_sizes_are_whole_numbers_above_nothing(text: str) -> None:
    done = CliRunner().invoke(cli, ["bench", "report", f"--verdicts={text}"])
    assert isinstance(done.exception, UsageError) and "whole numbers above 0" in str(done.exception)


def test_what_a_process_of_its_own_raises_comes_back(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="not a run folder"):
        apart(read_run, tmp_path)  # type: ignore[arg-type]


def test_a_killed_process_is_told(tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match="a measured process was killed"):
        apart(killed, tmp_path)


def killed(path: Path) -> float:
    """End as the kernel ends a process that wants too much memory."""
    import os
    import signal

    os.kill(os.getpid(), signal.SIGKILL)
    return 0.0


def held(mebibytes: int) -> float:
    """Hold so much memory for a moment."""
    return float(len(b"x" * (mebibytes << 20)))


def test_peak_memory_is_that_of_the_process_alone() -> None:
    held(300)  # in this one, which starts it
    little, much = apart(held, 1), apart(held, 200)
    assert 150 < much.peak - little.peak < 250
    assert program(["true"]).peak < 200


def test_a_command_that_fails_is_an_error_with_its_words() -> None:
    with pytest.raises(HarnessError, match=r"as measured, failed \(2\): .*no such run folder"):
        command("report", "nowhere")
