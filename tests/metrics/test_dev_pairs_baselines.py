"""The length baselines on 305 real pairs, against figures computed independently."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from metric_tables import pair_line, verdict_line

from harness.bundled import bundled_dir
from harness.metrics.preference import METRICS, preference_results
from harness.metrics.table import pair_table, verdict_table


def genre_of_tag() -> dict[str, str]:
    """Tag -> genre from the shipped table, or nothing where it is not there."""
    for path in Path(bundled_dir("tasks")).rglob("wpb_appendix_b.yaml"):
        table = yaml.safe_load(path.read_text(encoding="utf-8"))["genres"]
        return {tag: genre for genre, tags in table.items() for tag in tags}
    return {}


def clusters(rows):
    """Components of rows that share a prompt id, a prompt or a response, by plain relabelling."""
    label = list(range(len(rows)))
    by_key: dict[tuple[str, str], int] = {}
    for i, row in enumerate(rows):
        keys = [("id", row["prompt_id"]), ("prompt", row["prompt"])]
        keys += [("text", row[side]["response"]) for side in ("chosen", "rejected")]
        for key in keys:
            old = label[by_key.setdefault(key, i)]
            label = [label[i] if value == old else value for value in label]
    return label


@pytest.fixture(scope="module")
def baseline(shared_data):
    rows = [
        json.loads(line)
        for line in (shared_data / "wpb_pairs_zh_dev.jsonl").read_bytes().splitlines()
    ]
    genre = genre_of_tag()
    label = clusters(rows)
    lines, verdicts = [], {"longer": [], "shorter": []}
    for i, row in enumerate(rows):
        chosen, rejected = len(row["chosen"]["response"]), len(row["rejected"]["response"])
        lines.append(
            pair_line(
                i,
                tag=row["tag"],
                genre=genre.get(row["tag"], "Other"),
                cluster=label[i],
                chosen_chars=chosen,
                rejected_chars=rejected,
            )
        )
        for name, margin in (("longer", chosen - rejected), ("shorter", rejected - chosen)):
            outcome = "chosen" if margin > 0 else "rejected" if margin < 0 else "tie"
            verdicts[name].append(verdict_line(f"p{i}", outcome))
    pairs = pair_table(lines)
    return {
        name: preference_results(pairs, verdict_table(pairs, own), metrics=list(METRICS), seed=0)
        for name, own in verdicts.items()
    } | {"pairs": pairs}


def test_the_longer_text_wins_165_of_305_with_one_tie_counted_wrong(baseline):
    pairs, numbers = baseline["pairs"], baseline["longer"]["metrics"]
    assert len(pairs.pair_id) == 305 and pairs.cluster.max() + 1 == 101 and len(pairs.tags) == 51
    assert numbers["accuracy"] == numbers["longer_accuracy"] == 165 / 305
    assert round(numbers["accuracy"], 4) == 0.5410 and numbers["ties"] == 1
    assert [round(end, 4) for end in numbers["wilson95"]] == [0.4849, 0.5961]
    assert numbers["longer_agreement"] == 1.0 and numbers["length_balanced_accuracy"] == 0.5


def test_the_shorter_text_wins_0_4557(baseline):
    assert round(baseline["shorter"]["metrics"]["accuracy"], 4) == 0.4557


def test_the_genres_of_the_longer_text_are_the_known_ones(baseline):
    if not genre_of_tag():
        pytest.skip("no genre table wpb_appendix_b in tasks/")
    numbers, rows = baseline["longer"]["metrics"], baseline["longer"]["genres"]
    assert round(numbers["macro_accuracy"], 4) == 0.6034
    assert round(numbers["genre_std"], 4) == 0.2031
    functional, poetry = rows["Functional Documents"], rows["Poetry"]
    assert (functional["n"], round(functional["accuracy"], 4)) == (69, 0.4058)
    assert (poetry["n"], round(poetry["accuracy"], 4)) == (6, 0.3333)
    assert poetry["underpowered"] and poetry["ci95"] is None
