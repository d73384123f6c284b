"""The benchmark of the peers: their own commands give our numbers, or a reason why not."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("torch", reason="needs the hf extra")
pytest.importorskip("lm_eval", reason="needs the lm-eval extra")

from harness.bench.inputs import SHAPES, drawn_pairs
from harness.bench.peers import PeersBench, Row, bench_peers, peers_markdown
from harness.bench.peers_programs import (
    LM_EVAL,
    REWARDBENCH,
    interpreter,
    prepare,
    run_harness,
    run_rewardbench,
)
from harness.errors import HarnessError

ROOT = Path(__file__).resolve().parent.parent.parent


def test_lm_eval_gives_our_sums_and_a_peer_that_is_not_there_is_left_out(tmp_path: Path) -> None:
    bench = bench_peers(pairs=2, file=None, environments=tmp_path, shape="tiny", longest=60)
    roads = [(row.road, row.program.partition(" ")[0]) for row in bench.rows]
    assert roads == [
        ("reward model", "harness"), ("likelihood", "harness"), ("likelihood", "lm_eval")
    ]  # fmt: skip
    _, ours, theirs = bench.rows
    assert theirs.accuracy == ours.accuracy and theirs.difference < 1e-2
    assert all(
        0 < row.scoring < row.whole and row.peak > 10 and row.cpu > 0 for row in bench.rows[1:]
    )
    assert bench.left_out == (
        "rewardbench: no .venv-rewardbench there; `make bench-peers` makes it",
    )


def test_rewardbench_gives_our_scores(tmp_path: Path) -> None:
    python = interpreter(REWARDBENCH, ROOT)
    if python is None:
        pytest.skip("no .venv-rewardbench: make bench-peers makes it")
    prepare(tmp_path, SHAPES["tiny"], drawn_pairs(count=3, file=None, longest=60))
    theirs = run_rewardbench(tmp_path, python)
    ours = run_harness(tmp_path, f"hf:{tmp_path / 'reward'}")
    assert theirs.scores.keys() == ours.scores.keys()
    assert all(abs(theirs.scores[key] - ours.scores[key]) < 1e-5 for key in ours.scores)
    assert theirs.accuracy == ours.accuracy


def test_a_program_that_fails_says_why(tmp_path: Path) -> None:
    python = fake_python(tmp_path, "echo 'no module of that name' >&2; exit 3")
    with pytest.raises(HarnessError, match=r"\(3\): no module of that name"):
        run_rewardbench(tmp_path, python)


def fake_python(folder: Path, script: str) -> Path:
    python = folder / ".venv-rewardbench" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f"#!/bin/sh\n{script}\n")
    python.chmod(0o755)
    return python


def test_an_environment_of_its_own_comes_first(tmp_path: Path) -> None:
    assert interpreter(REWARDBENCH, tmp_path) is None
    python = fake_python(tmp_path, "true")
    assert interpreter(REWARDBENCH, tmp_path) == python
    here = interpreter(LM_EVAL, tmp_path)
    assert here is not None and here != python


def test_the_table_has_a_rate_and_the_reasons() -> None:
    row = Row("likelihood", "lm_eval 1.0", 20.04, 30.0, 4.0, 1_100.0, 0.5, 9.8e-4)
    said = " ".join(peers_markdown(PeersBench((row,), 2, 8_000, "tiny", ("x: why",))).split())
    assert (
        "| likelihood | lm_eval 1.0 | 20.0 | 30.0 | 4.0 | 2,000 | 1,100 | 0.5000 | 9.8e-04 |"
        in said
    )
    assert "Left out: x: why." in said
