"""The benchmark of scoring: the same scores every way, useful operations by hand."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="needs the hf extra")

import torch
import transformers

from harness.bench import rounds
from harness.bench.checkpoints import save_causal, save_classifier
from harness.bench.inputs import SHAPES, Shape, drawn_pairs, official_row
from harness.bench.peak import kernels
from harness.bench.rounds import Stopwatch, in_turn, spread, times
from harness.bench.scoring import Row, ScoringBench, bench_scoring, markdown
from harness.bench.scoring_ways import token_counts
from harness.data.wpb import read_pairs
from harness.errors import DataError
from harness.models import ModelSettings, open_model
from harness.progress import Silent


@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-5), ("bfloat16", 0.1)])
def test_every_way_gives_the_same_scores(dtype: str, tolerance: float) -> None:
    bench = bench_scoring(
        shape="tiny", device="cpu", dtype=dtype, pairs=3, file=None, longest=120, repeats=2
    )
    assert len(bench.rows) == 4
    assert max(row.max_difference for row in bench.rows) < tolerance
    assert bench.rows[0].times_usual == 1.0
    assert [row.padding_share for row in bench.rows][1::2] == [0.0, 0.0]
    assert (bench.texts, bench.repeats) == (6, 2)
    assert all(
        row.tokens_per_second * row.seconds == pytest.approx(bench.tokens) for row in bench.rows
    )


def test_texts_that_stand_twice_are_scored_once(tmp_path: Path) -> None:
    [pair] = drawn_pairs(count=1, file=None, longest=60)
    file = write(tmp_path, [official_row(pair) | {"prompt_id": name} for name in "ab"])
    bench = bench_scoring(shape="tiny", device="cpu", dtype="float32", pairs=9, file=file)
    assert bench.texts == 2


def test_the_table_has_a_spread_only_of_several_rounds() -> None:
    row = Row("a way", 2.0, 0.25, 5_000.0, 3.5, 0.5, 0.125, 1e-7)
    said = {}
    for repeats in (1, 3):
        bench = ScoringBench((row,), 4, 10_000, 2e11, "cpu x", "float32", "tiny", 2, repeats)
        said[repeats] = " ".join(markdown(bench).split())
    assert "| a way | 2.00 | 25 % | 5,000 | 3.50x | 50 % | 12.5 % | 1.0e-07 |" in said[3]
    assert "| a way | 2.00 | | 5,000 |" in said[1]
    assert "4 texts, 10,000 tokens; best matmul 200 GFLOP/s; median of 3" in said[3]


def test_useful_operations_are_a_hand_count() -> None:
    shape = Shape(hidden=4, inner=8, layers=2, heads=2, kv_heads=1, vocabulary=10)
    # a layer: q and o 4x4, k and v 4x2, gate, up and down 4x8
    assert shape.layer_parameters == 2 * (2 * 16 + 2 * 8 + 3 * 32)
    # attention of n tokens: QK and AV, n*n/2 cells each, 2 operations for each of 4 widths
    assert shape.operations([3]) == 2 * shape.layer_parameters * 3 + 2 * (2 * 2 * 4 * 9 / 2)


@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-3), ("bfloat16", 2.0)])
def test_every_kernel_of_the_peak_is_a_matmul(dtype: str, tolerance: float) -> None:
    torch.manual_seed(0)
    found = [matmul() for matmul in kernels(128, "cpu", dtype)]
    dense = [one.to_dense() if one.is_mkldnn else one for one in found]
    expected = dense[0].double()
    assert all(float((one.double() - expected).abs().max()) < tolerance for one in dense)
    assert expected.shape == (128, 128) and float(expected.std()) == pytest.approx(
        128**0.5, rel=0.1
    )


def test_made_pairs_are_cut_and_can_be_read_back() -> None:
    pairs = drawn_pairs(count=5, file=None, longest=200)
    assert pairs == drawn_pairs(count=5, file=None, longest=200)
    assert max(len(side.response) for p in pairs for side in (p.chosen, p.rejected)) == 200
    content = "".join(json.dumps(official_row(p)) + "\n" for p in pairs).encode()
    again = read_pairs(content, name="x", language="zh", genre_of=str).pairs
    assert [p.chosen for p in again] == [p.chosen for p in pairs]


def test_pairs_of_a_file_are_drawn_once_each(tmp_path: Path) -> None:
    made = drawn_pairs(count=4, file=None, longest=50)
    file = write(tmp_path, map(official_row, made))
    assert {p.prompt for p in drawn_pairs(count=9, file=file, longest=50)} == {
        p.prompt for p in made
    }
    assert len(drawn_pairs(count=3, file=file, longest=50)) == 3


def test_a_file_that_holds_no_pairs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"rows\.jsonl"):
        drawn_pairs(count=1, file=write(tmp_path, [{"prompt": "a"}]), longest=9)
    alike = {"prompt": "p", "prompt_id": "1", "tag": "t"}
    sides = {"chosen": {"response": "abc"}, "rejected": {"response": "abd"}}
    with pytest.raises(DataError, match="first 2 characters"):
        drawn_pairs(count=1, file=write(tmp_path, [alike | sides]), longest=2)


def write(folder: Path, rows: object) -> Path:
    file = folder / "rows.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")  # type: ignore[attr-defined]
    return file


def test_a_saved_classifier_is_one_that_a_recipe_fits(tmp_path: Path) -> None:
    pairs = drawn_pairs(count=2, file=None, longest=100)
    save_classifier(tmp_path, SHAPES["tiny"], pairs, device="cpu", dtype="float32")
    model = open_model(f"hf:{tmp_path}", None, ModelSettings(device="cpu"))
    assert model.judge() is not None
    assert model.facts()["engine"] == "packed"


def test_the_saved_tokenizer_is_the_one_transformers_makes_of_it(tmp_path: Path) -> None:
    pairs = drawn_pairs(count=2, file=None, longest=400)
    save_causal(tmp_path, SHAPES["tiny"], pairs, device="cpu", dtype="float32", learned=500)
    text = pairs[0].chosen.response
    by_model = transformers.AutoTokenizer.from_pretrained(tmp_path)
    by_file = transformers.PreTrainedTokenizerFast.from_pretrained(tmp_path)
    assert by_model(text)["input_ids"] == by_file(text)["input_ids"]
    assert by_file.chat_template and by_file.decode(by_file(text)["input_ids"]) == text
    assert max(by_model(text)["input_ids"]) < 500


def test_tokens_are_counted_of_distinct_rendered_texts(tmp_path: Path) -> None:
    [pair] = drawn_pairs(count=1, file=None, longest=80)
    save_classifier(tmp_path, SHAPES["tiny"], [pair], device="cpu", dtype="float32")
    tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path)
    # three tokens of the template before each of both turns' ends: two roles, two ends
    expected = [
        4 + sum(len(tokenizer(part)["input_ids"]) for part in (pair.prompt, side.response))
        for side in (pair.chosen, pair.rejected)
    ]
    assert token_counts(tmp_path, [pair, pair]) == expected


def test_rounds_alternate_their_direction() -> None:
    order: list[str] = []
    ways = {name: lambda name=name: order.append(name) for name in "abc"}
    found = in_turn(ways, 3, Silent())
    assert "".join(order) == "abccbaabc"
    assert {name: len(given) for name, given in found.items()} == {"a": 3, "b": 3, "c": 3}


def test_spread_and_ratio_are_hand_counts() -> None:
    assert spread([4.0, 5.0, 8.0]) == 0.4
    assert spread([2.0]) == 0.0
    # 2, 3 and 10 times: a slow round slows both
    assert times([2.0, 6.0, 50.0], [1.0, 2.0, 5.0]) == 3.0


def test_the_clock_runs_from_tokens_to_scores_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = iter([10.0, 17.0])
    monkeypatch.setattr(rounds.time, "perf_counter", lambda: next(ticks))
    watch = Stopwatch()
    for what in ("reading", "tokenising", "scoring", "anything"):
        watch.start(what, 1, "texts")
        watch.advance(1)
        watch.finish()
    assert watch.seconds == 7.0


def test_a_clock_that_was_told_of_no_scoring_has_no_time() -> None:
    watch = Stopwatch()
    watch.start("tokenising", 1, "texts")
    watch.finish()
    with pytest.raises(AssertionError, match="scoring"):
        _ = watch.seconds


def test_measuring_leaves_the_precision_of_new_tensors_alone(tmp_path: Path) -> None:
    pairs = drawn_pairs(count=1, file=None, longest=50)
    save_classifier(tmp_path, SHAPES["tiny"], pairs, device="cpu", dtype="bfloat16")
    assert torch.get_default_dtype() == torch.float32
