"""The benchmark measures what it says: the same scores every way, useful operations by hand."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="needs the hf extra")

from harness.bench.inputs import SHAPES, Shape, make_pairs
from harness.bench.scoring import bench_scoring, markdown


def test_every_way_gives_the_same_scores() -> None:
    bench = bench_scoring(
        shape="tiny", device="cpu", dtype="float32", pairs=3, file=None, longest=120
    )
    assert len(bench.rows) == 4
    assert max(row.max_difference for row in bench.rows) < 1e-5
    assert bench.rows[0].times_usual == 1.0
    assert [row.padding_share for row in bench.rows][1::2] == [0.0, 0.0]
    assert "packed (default)" in markdown(bench)


def test_useful_operations_are_a_hand_count() -> None:
    shape = Shape(hidden=4, inner=8, layers=2, heads=2, kv_heads=1, vocabulary=10)
    # a layer: q and o 4x4, k and v 4x2, gate, up and down 4x8
    assert shape.layer_parameters == 2 * (2 * 16 + 2 * 8 + 3 * 32)
    # attention of n tokens: QK and AV, n*n/2 cells each, 2 operations for each of 4 widths
    assert shape.operations([3]) == 2 * shape.layer_parameters * 3 + 2 * (2 * 2 * 4 * 9 / 2)


def test_lengths_follow_a_file_of_pairs(tmp_path: Path) -> None:
    side = {"response": "雨" * 100}
    row = {"prompt": "a" * 100, "chosen": side, "rejected": {"response": "b" * 10}}
    file = tmp_path / "pairs.jsonl"
    file.write_text(json.dumps(row, ensure_ascii=False) + "\n", encoding="utf-8")
    [(chosen, rejected)] = make_pairs(SHAPES["tiny"], count=1, file=file, longest=1000)
    assert (len(chosen), len(rejected)) == (27 + 65, 27 + 3)
