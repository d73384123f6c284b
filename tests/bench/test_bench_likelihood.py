"""The benchmark of likelihoods: the same sums by lm-eval and by our road, memory told apart."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("torch", reason="needs the hf extra")
pytest.importorskip("lm_eval", reason="needs the lm-eval extra")

import torch
import transformers

from harness.bench import likelihood_ways
from harness.bench.checkpoints import save_causal
from harness.bench.inputs import SHAPES, drawn_pairs
from harness.bench.likelihood import (
    REAL_VOCABULARY,
    LikelihoodBench,
    Row,
    bench_likelihood,
    likelihood_markdown,
)
from harness.bench.likelihood_ways import ONE, OURS, Setting, TooLarge, strings, summed
from harness.records import candidate


def test_every_way_gives_the_same_sums_for_both_vocabularies() -> None:
    bench = bench_likelihood(
        shape="tiny", device="cpu", dtype="float32", pairs=1, file=None, longest=60
    )
    assert [row.vocabulary for row in bench.rows] == [4_000] * 3 + [REAL_VOCABULARY] * 3
    assert [row.way for row in bench.rows][2::3] == [OURS, OURS]
    assert all(row.difference is not None and row.difference < 1e-2 for row in bench.rows)
    assert bench.rows[2].difference == 0.0
    assert all(0 < (row.loaded or 0) <= (row.peak or 0) for row in bench.rows)
    assert (bench.texts, bench.left_out) == (2, ())


def test_a_sum_is_that_of_plain_transformers(tmp_path: Path) -> None:
    [pair] = drawn_pairs(count=1, file=None, longest=40)
    save_causal(tmp_path, SHAPES["tiny"], [pair], device="cpu", dtype="float32")
    setting = Setting(tmp_path, (pair,), "cpu", "float32", tmp_path / "sums.json")
    found = summed(OURS, setting).sums
    model = transformers.AutoModelForCausalLM.from_pretrained(tmp_path).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path)
    for side in (pair.chosen, pair.rejected):
        context, continuation = strings(pair.prompt, side.response)
        start = len(tokenizer(context)["input_ids"])
        ids = tokenizer(context + continuation, return_tensors="pt")["input_ids"]
        with torch.no_grad():
            logp = model(ids).logits[0].double().log_softmax(-1)
        total = sum(float(logp[i - 1, ids[0, i]]) for i in range(start, ids.shape[1]))
        assert found[candidate(pair, side).id] == pytest.approx(total, rel=1e-5)


def test_a_way_that_does_not_fit_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def too_much(setting: Setting) -> likelihood_ways.Way:
        def way(_: Setting, pairs: object) -> tuple[float, dict[str, float]]:
            torch.empty(1 << 50)
            raise AssertionError("a petabyte was there")

        return way

    monkeypatch.setitem(likelihood_ways.WAYS, ONE, too_much)
    setting = Setting(tmp_path, (), "cpu", "float32", tmp_path / "sums.json")
    with pytest.raises(TooLarge, match="out of memory"):
        likelihood_ways._measured(ONE, setting)


def test_the_table_says_what_ran_out_of_memory() -> None:
    rows = (
        Row("lm-eval", 152_064),
        Row("harness", 152_064, 2.0, 0.1, 4_000.0, 500.0, 612.4, 1e-3),
    )
    bench = LikelihoodBench(rows, 4, 8_000, 14_000.2, "cpu x", "float32", "tiny", 3, ("why",))
    said = " ".join(likelihood_markdown(bench).split())
    assert "| 152,064 | lm-eval | out of memory | | | | | |" in said
    assert "| 152,064 | harness | 2.00 | 10 % | 4,000 | 500 | 612 | 1.0e-03 |" in said
    assert "sums down to -14,000; median of 3" in said and "Left out: why." in said
