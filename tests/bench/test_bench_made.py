"""Made data is such as the product reads: pairs, prompts with texts, whole run folders."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from harness.bench.made import prompt_sizes, text_chars, write_pair_file, write_text_files
from harness.bench.made_run import SCORERS, Scorer, make_run
from harness.data.wpb import read_pairs
from harness.rescore import rescore
from harness.stored import read_run


def test_made_pairs_are_read_without_a_notice_and_share_their_prompts(tmp_path: Path) -> None:
    path = tmp_path / "pairs.jsonl"
    write_pair_file(path, 100)
    found = read_pairs(path.read_bytes(), name="x", language="zh", genre_of=str)
    assert len(found.pairs) == 100
    prompts = Counter(pair.prompt_id for pair in found.pairs)
    assert 100 / len(prompts) == pytest.approx(2.7, abs=0.4)
    assert len({pair.pair_id for pair in found.pairs}) == 100
    assert {len({p.prompt for p in found.pairs if p.prompt_id == one}) for one in prompts} == {1}


def test_a_smaller_file_is_the_beginning_of_a_larger_one(tmp_path: Path) -> None:
    small, large = tmp_path / "small", tmp_path / "large"
    write_pair_file(small, 30)
    write_pair_file(large, 70)
    assert large.read_text().startswith(small.read_text())


def test_lengths_lie_about_the_published_median() -> None:
    lengths = text_chars(np.random.default_rng(0), "zh", 20_000)
    assert np.median(lengths) == pytest.approx(1_341, rel=0.05)
    assert lengths.min() >= 73 and lengths.max() <= 8_649


def test_most_prompts_have_three_pairs() -> None:
    sizes = prompt_sizes(np.random.default_rng(0))
    drawn = Counter(next(sizes) for _ in range(10_000))
    assert drawn[3] / 10_000 == pytest.approx(213 / 259, abs=0.02)
    assert set(drawn) == {1, 2, 3, 11}


def test_every_made_prompt_has_a_made_text(tmp_path: Path) -> None:
    prompts, texts = tmp_path / "prompts.jsonl", tmp_path / "texts.jsonl"
    write_text_files(prompts, texts, 5)
    asked = [json.loads(line) for line in prompts.read_text().splitlines()]
    given = [json.loads(line) for line in texts.read_text().splitlines()]
    assert [row["prompt_id"] for row in asked] == [row["prompt_id"] for row in given]
    assert len(asked) == 5 and all(row["response"] for row in given)


@pytest.mark.parametrize("scorer", SCORERS)
def test_a_made_run_is_a_finished_run_whose_numbers_hold(scorer: Scorer, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    make_run(folder, scorer, 2_000)
    run = read_run(folder)
    assert len(run.verdicts.pair) == 2_000
    assert len(run.pairs.pair_id) == (2_000 if scorer == "reward model" else 1_000)
    again = rescore(folder)
    assert again.folder is None and again.results == again.before
    metrics = run.results["metrics"]
    assert 0.5 < metrics["accuracy"] < 0.8 and metrics["ci95"] and metrics["genre_heterogeneity_p"]
    assert min(metrics["ties"], metrics["unparsed"], metrics["errors"]) > 0
    assert (metrics["consistency"] is None) == (scorer == "reward model")
