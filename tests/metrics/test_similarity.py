"""Near-duplicates: every number as by brute force over sets of shingles."""

from __future__ import annotations

import random

import pytest

from harness.metrics import similarity
from harness.metrics.tokens import numbered


def nearest(texts, groups):
    return similarity.nearest([numbered(text) for text in texts], groups).tolist()


def brute_force(texts, groups):
    sets = [set(zip(text, text[1:], text[2:], strict=False)) for text in texts]
    best = [0.0] * len(texts)
    for i, text in enumerate(texts):
        for j, other in enumerate(texts):
            if groups[i] == groups[j] or not text:
                continue
            shared, either = len(sets[i] & sets[j]), len(sets[i] | sets[j])
            found = 1.0 if text == other else shared / either if either else 0.0
            best[i] = max(best[i], found)
    return best


def test_resemblance_by_hand():
    one, two = list("abcde"), list("bcdef")  # abc bcd cde and bcd cde def: 2 of 4
    assert nearest([one, two], ["p", "q"]) == [0.5, 0.5]


def test_a_text_is_held_against_other_prompts_only():
    one, two, three = list("abcde"), list("abcde"), list("abcxy")
    assert nearest([one, two], ["p", "p"]) == [0.0, 0.0]
    assert nearest([one, two, three], ["p", "p", "q"]) == [0.2, 0.2, 0.2]
    assert nearest([one, two, three], ["p", "q", "q"]) == [1.0, 1.0, 0.2]


def test_short_texts_resemble_what_equals_them_and_empty_ones_nothing():
    texts = [["a"], ["a"], ["b"], ["a", "b"], ["a", "b"], [], []]
    assert nearest(texts, list("pqrstuv")) == [1.0, 1.0, 0.0, 1.0, 1.0, 0.0, 0.0]


def test_no_text_and_one_text():
    assert nearest([], []) == [] and nearest([list("abcd")], ["p"]) == [0.0]


def test_a_shingle_counts_once_however_often_it_stands():
    assert nearest([list("aaaaaa"), list("aaab")], ["p", "q"]) == [0.5, 0.5]


@pytest.mark.parametrize(("common", "rows", "columns"), [(0, 1, 1), (1, 3, 2), (64, 256, 1_024)])
def test_it_is_exact_however_the_work_is_cut(monkeypatch, common, rows, columns):
    monkeypatch.setattr(similarity, "_COMMON", common)
    monkeypatch.setattr(similarity, "_ROWS", rows)
    monkeypatch.setattr(similarity, "_COLUMNS", columns)
    monkeypatch.setattr(similarity, "_BUCKETS", 7)
    for seed in range(60):
        rng = random.Random(seed)
        texts = [
            [rng.choice("abc") for _ in range(rng.choice([0, 1, 2, 3, 4, 9]))]
            for _ in range(rng.randrange(12))
        ]
        groups = [rng.choice("pqr") for _ in texts]
        assert nearest(texts, groups) == pytest.approx(brute_force(texts, groups), abs=1e-12)


def test_one_story_with_other_names_is_a_near_duplicate_and_another_story_is_not():
    rng = random.Random(0)
    story = [str(rng.randrange(300)) for _ in range(400)]
    renamed = [f"name{word}" if rng.random() < 0.1 else word for word in story]
    other = [str(rng.randrange(300)) for _ in range(400)]
    found = nearest([story, renamed, other], ["p", "q", "r"])
    assert found[0] > similarity.NEAR_DUPLICATE and found[1] > similarity.NEAR_DUPLICATE
    assert found[2] < similarity.NEAR_DUPLICATE / 5
