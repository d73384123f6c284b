"""`describe`: the statistics of a file, against values worked out by hand."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.data import load_pairs
from harness.data.stats import ModelSides, Stats, describe
from harness.specs import TaskSpec


@pytest.fixture
def stats(
    wpb_zh: TaskSpec, make_row: Callable[..., dict[str, Any]], write_rows: Callable[..., Path]
) -> Stats:
    rows = [
        make_row(1, chosen_response="aaaa", rejected_response="bb", chosen_model="x"),
        make_row(1, chosen_response="bb", rejected_response="cccc", chosen_score=1),
        make_row(2, chosen_response="dddd", rejected_response="eeee", chosen_score=None),
        make_row(3, tag="散文", rejected_model=None, chosen_score=0.5),
    ]
    return describe(load_pairs(wpb_zh, file=write_rows(rows)).pairs)


def test_counts(stats: Stats) -> None:
    assert (stats.pairs, stats.prompts, stats.prompt_ids, stats.tags) == (4, 3, 3, 2)
    assert (stats.clusters, stats.cluster_sizes) == (3, {1: 2, 2: 1})
    assert stats.tags_by_genre == {"Poetry": {"诗歌": 3}, "Non-Fiction": {"散文": 1}}


def test_scores(stats: Stats) -> None:
    assert (stats.quirks.gold_ties, stats.quirks.against_label, stats.unknown_scores) == (1, 1, 1)
    assert stats.gap_counts == {-0.5: 1, 0.0: 1, 2.0: 1}
    assert (stats.gaps.n, stats.gaps.mean, stats.gaps.median) == (3, 0.5, 0.0)


def test_texts(stats: Stats) -> None:
    assert (stats.texts.sides, stats.texts.distinct) == (8, 7)
    assert (stats.texts.repeated, stats.texts.both_ways) == (1, 1)


def test_lengths(stats: Stats) -> None:
    # chosen 4, 2, 4, 6 ("good 3") and rejected 2, 4, 4, 5 ("bad 3") characters
    assert (stats.chosen_length.mean, stats.chosen_length.median) == (4.0, 4.0)
    assert (stats.rejected_length.minimum, stats.rejected_length.maximum) == (2.0, 5.0)
    assert (stats.ratio.minimum, stats.ratio.maximum) == (0.5, 2.0)
    longer = stats.longer
    assert (longer.chosen_longer, longer.chosen_shorter, longer.equal) == (0.5, 0.25, 0.25)


def test_models(stats: Stats) -> None:
    assert stats.models == {"m": ModelSides(3, 3), "x": ModelSides(1, 0)}
    assert stats.unknown_models == 1


def test_the_real_chinese_pairs_are_matched_in_score_gap_and_length(
    wpb_zh: TaskSpec, shared_data: Path
) -> None:
    file = shared_data / "wpb_pairs_zh_dev.jsonl"
    rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    found = describe(load_pairs(wpb_zh, file=file).pairs)
    sides = [(row["chosen"], row["rejected"]) for row in rows]
    longer = sum(len(a["response"]) > len(b["response"]) for a, b in sides)
    assert (
        found.longer.chosen_longer == pytest.approx(longer / len(rows)) == pytest.approx(165 / 305)
    )
    assert min(found.gap_counts) >= 1
    assert (found.ratio.minimum or 0) >= 0.5 and (found.ratio.maximum or 9) <= 2
    assert sum(found.gap_counts.values()) == 305
