"""Real texts of nineteen models through `texts:`, and every number again by other code."""

from __future__ import annotations

import json
import statistics
import unicodedata
from collections import defaultdict
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from written import jsonl

from harness.reports.report_diversity import judged_texts
from harness.reports.runs import find_all
from harness.request import RunRequest
from harness.runner import RunResult, run

PROMPTS = 24  # of 101: the same as all of them, in a quarter of the time


def ttr(text: str) -> float | None:
    """Type-token ratio by a few lines of its own."""
    import jieba

    words = [
        word
        for word in jieba.cut(text.lower())
        if any(unicodedata.category(character)[0] in "LN" for character in word)
    ]
    return len(set(words)) / len(words) if words else None


@pytest.fixture(scope="module")
def rows(shared_data: Path) -> list[dict[str, Any]]:
    pool = (shared_data / "wpb_pool_zh_dev.jsonl").read_text(encoding="utf-8")
    found = [json.loads(line) for line in pool.split("\n") if line]
    kept = sorted({row["prompt_id"] for row in found})[:PROMPTS]
    return [row | {"ttr": ttr(row["response"])} for row in found if row["prompt_id"] in kept]


@pytest.fixture(scope="module")
def runs(rows: list[dict[str, Any]], tmp_path_factory: pytest.TempPathFactory) -> list[RunResult]:
    folder = tmp_path_factory.mktemp("pool")
    file = jsonl(folder / "pool.jsonl", rows)
    return run(
        RunRequest(
            tasks=("coig_writer_zh",),
            model=f"texts:{file}",
            data={"coig_writer_zh": file},
            output_path=folder / "out",
        )
    )


def test_each_models_mean_and_median_ttr_are_those_of_other_code(
    rows: list[dict[str, Any]], runs: list[RunResult]
) -> None:
    by_model: dict[str, list[float]] = defaultdict(list)
    for row in rows:
        by_model[row["model"]].append(row["ttr"])
    assert len(runs) == len(by_model) == 19
    for one in runs:
        own, metrics = by_model[one.results["model"]["name"]], one.results["metrics"]
        assert metrics["ttr"] == pytest.approx(statistics.mean(own), abs=1e-9)
        assert metrics["ttr_median"] == pytest.approx(statistics.median(own), abs=1e-9)
        assert metrics["ttr_n"] == len(own)


def test_mean_ttr_falls_with_length_and_the_moving_average_does_not(runs: list[RunResult]) -> None:
    lines = [
        json.loads(line)
        for one in runs
        for line in (one.folder / "measures.jsonl").read_text(encoding="utf-8").split("\n")[:-1]
    ]
    lines.sort(key=lambda line: line["words"])
    third = len(lines) // 3
    short, long = lines[:third], lines[-third:]

    def mean(part: list[dict[str, Any]], name: str) -> float:
        return statistics.mean(line[name] for line in part if line[name] is not None)

    assert mean(short, "ttr") - mean(long, "ttr") > 0.1
    assert abs(mean(short, "mattr50") - mean(long, "mattr50")) < 0.02


def test_how_often_the_higher_ttr_wins_is_what_other_code_counts(
    rows: list[dict[str, Any]], runs: list[RunResult]
) -> None:
    by_prompt: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        by_prompt[row["prompt_id"]].append(row)
    won, matched = [], []
    for own in by_prompt.values():
        for one, other in combinations(own, 2):
            if one["score"] == other["score"] or one["ttr"] == other["ttr"]:
                continue
            wins = (one["ttr"] > other["ttr"]) == (one["score"] > other["score"])
            won.append(wins)
            short, long = sorted((len(one["response"]), len(other["response"])))
            if long <= 1.25 * short:
                matched.append(wins)
    [found], _ = judged_texts(find_all([one.folder for one in runs]))
    measured = found.found["measures"]["ttr"]
    assert (measured["n"], measured["matched"]["n"]) == (len(won), len(matched))
    assert measured["higher_wins"] == pytest.approx(statistics.mean(won))
    assert measured["matched"]["higher_wins"] == pytest.approx(statistics.mean(matched))
