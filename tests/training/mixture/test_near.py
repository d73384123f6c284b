"""Near-duplicates: worked by hand, and against every pair of sets in plain Python."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from plain_units import plain, runs

from harness.training.mixture import near
from harness.training.mixture.near import NearIndex, shingles

DIGITS = "一二三四五六七八九十百千万亿"


def brute(texts: Sequence[str], threshold: float) -> list[float]:
    """For each text the highest index with one before it, from sets of tuples of units."""
    sets = [runs(text, min(5, len(plain(text)) or 5)) for text in texts]
    found = []
    for place, one in enumerate(sets):
        indices = [len(one & other) / len(one | other) for other in sets[:place] if one and other]
        best = max(indices, default=0.0)
        found.append(best if best >= threshold else 0.0)
    return found


def one_by_one(texts: Sequence[str], threshold: float) -> list[float]:
    index = NearIndex(threshold)
    found = []
    for text in texts:
        found.append(index.nearest(text))
        index.add(text)
    return found


def edited(text: str, times: int, rng: random.Random) -> str:
    chars = list(text)
    for _ in range(times):
        chars[rng.randrange(len(chars))] = rng.choice("山水风月")
    return "".join(chars)


@pytest.mark.parametrize(
    ("one", "other", "threshold", "expected"),
    [
        (DIGITS[:9], DIGITS[:8], 0.8, 4 / 5),  # 5 shingles and 4 of them
        (DIGITS[:9], DIGITS[:8], 0.81, 0.0),
        (DIGITS[:14], DIGITS[:11], 0.7, 7 / 10),
        (DIGITS[:10], DIGITS[:9] + "零", 0.7, 5 / 7),  # 6 shingles each, 5 in common
        ("One two three four five, six", "ONE two—three four five six", 1.0, 1.0),
        ("one two three", "One, two, three!", 1.0, 1.0),
        ("one two three", "one two three four", 0.1, 0.0),  # fewer than 5: one run of all
        ("!?", "!?", 0.1, 0.0),
    ],
)
def test_the_index_is_jaccards_and_at_or_above_the_threshold(
    one: str, other: str, threshold: float, expected: float
) -> None:
    assert one_by_one([one, other], threshold)[1] == expected
    assert one_by_one([other, one], threshold)[1] == expected


@pytest.mark.parametrize(
    ("one", "other", "threshold"),
    [
        (range(100), range(20, 100), 0.8),  # what is common begins as late as it may
        (range(100), range(80), 0.8),
        (range(100), range(45, 100), 0.55),  # in floats 0.55 * 100 is over 55
        (range(10, 100), range(100), 0.9),
        (range(90), range(10, 100), 0.8),
        (range(0, 100, 2), range(80), 0.3),
    ],
)
def test_sets_that_just_reach_the_threshold_are_found_wherever_they_are_alike(
    one: Sequence[int], other: Sequence[int], threshold: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    sets = {"one": one, "other": other}
    shift = np.uint64(32)  # as codes are: spread over all their bits
    monkeypatch.setattr(near, "shingles", lambda text: np.array(sets[text], np.uint64) << shift)
    expected = len(set(one) & set(other)) / len(set(one) | set(other))
    assert one_by_one(["one", "other"], threshold) == [0, expected]
    assert one_by_one(["other", "one"], threshold) == [0, expected]


def test_a_template_brings_no_texts_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half of each text is the same; once that is known, no two are compared in full."""
    compared = []
    monkeypatch.setattr(near, "jaccard", lambda one, other: compared.append(1) or 0.0)
    rng = random.Random(2)
    template = "".join(map(chr, range(0x4E00, 0x4EC8)))
    index = NearIndex(0.8)
    for number in range(300):
        if number == 257:
            compared.clear()
        text = template + "".join(chr(rng.randrange(0x5000, 0x9000)) for _ in range(200))
        index.nearest(text)
        index.add(text)
    assert compared == []


def test_the_nearest_of_several_counts() -> None:
    index = NearIndex(0.1)
    for text in (DIGITS[:10] + "零零零", DIGITS[:13], "山水风月花鸟虫鱼"):
        index.add(text)
    assert index.nearest(DIGITS) == 9 / 10
    assert index.nearest("nothing of the kind at all") == 0.0


def test_asking_adds_nothing() -> None:
    index = NearIndex(0.5)
    assert index.nearest(DIGITS) == 0.0
    assert index.nearest(DIGITS) == 0.0
    index.add(DIGITS)
    assert index.nearest(DIGITS) == 1.0


def test_texts_without_letters_are_never_near_and_harm_nothing() -> None:
    assert one_by_one(["", "/", DIGITS, "/", "", DIGITS], 0.2) == [0, 0, 0, 0, 0, 1.0]


def test_a_repeated_phrase_counts_once() -> None:
    assert len(shingles("雨雨雨雨雨雨雨雨雨雨")) == 1


@pytest.mark.parametrize("threshold", [0.2, 0.5, 0.8, 1.0])
@pytest.mark.parametrize("shared", [0, 80])
def test_nothing_is_overlooked_among_hundreds(threshold: float, shared: int) -> None:
    """Past 256 and 512 texts the order of shingles is settled anew; a template, common to half of
    the texts, then stands last in it."""
    rng = random.Random(7)
    template = "".join(map(chr, range(0x4E00, 0x4E00 + shared)))
    texts: list[str] = []
    for number in range(700):
        if texts and rng.random() < 0.4:
            text = edited(rng.choice(texts), rng.choice((0, 1, 2, 5, 15)), rng)
            texts.append(text[rng.randrange(1 + len(text) // 4) :])
        else:
            fresh = "".join(chr(rng.randrange(0x5000, 0x5040)) for _ in range(rng.randint(2, 90)))
            texts.append(template * (number % 2) + fresh)
    expected = brute(texts, threshold)
    assert sum(0 < index < 1 for index in expected) > 20 or threshold == 1.0
    assert one_by_one(texts, threshold) == expected


@pytest.mark.parametrize("threshold", [0.3, 0.8])
def test_nothing_is_overlooked_among_real_texts(shared_data: Path, threshold: float) -> None:
    rng = random.Random(3)
    texts = []
    for file, keys in (
        ("wpb_pool_zh_dev.jsonl", ("prompt", "response")),
        ("general_zh.jsonl", ("query", "answer")),
        ("general_en.jsonl", ("query", "answer")),
    ):
        with (shared_data / file).open(encoding="utf-8") as lines:
            found = [json.loads(line) for line in rng.sample(list(lines), 100)]
        texts += ["\n".join(row[key] for key in keys) for row in found]
    texts += [edited(text, rng.choice((1, 3, 9)), rng) for text in rng.sample(texts, 60)]
    rng.shuffle(texts)
    expected = brute(texts, threshold)
    assert sum(map(bool, expected)) > 20
    assert one_by_one(texts, threshold) == expected
