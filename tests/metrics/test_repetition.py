"""Loops are found; refrains, dividers and tables are none."""

from __future__ import annotations

import json
import random

import pytest

from harness.metrics.repetition import is_runaway, seq_rep
from harness.metrics.tokens import tokenize


def runaway(text, language="zh"):
    return is_runaway(text, seq_rep(tokenize(text, language)))


def prose(chars, seed=0):
    """Characters of which no eight in a row stand twice."""
    rng = random.Random(seed)
    return "".join(chr(rng.randrange(0x4E00, 0x9FA5)) for _ in range(chars))


def test_seq_rep_by_hand():
    # ten 8-grams of 17 tokens; the last two of a loop of eight are those at its begin
    tokens = list("abcdefgh") * 2 + ["a"]
    assert seq_rep(tokens) == pytest.approx(1 - 8 / 10)
    assert seq_rep(list("abcdefgh")) == 0.0 and seq_rep(list("abcdefg")) is None
    assert seq_rep(list("ababab"), 2) == pytest.approx(1 - 2 / 5)
    assert seq_rep([]) is None


def test_seq_rep_counts_as_its_definition_does():
    rng = random.Random(1)
    for size in (8, 9, 40, 300):
        for kinds in (1, 2, 3, 50):
            tokens = [str(rng.randrange(kinds)) for _ in range(size)]
            for n in (1, 2, 8):
                grams = [tuple(tokens[i : i + n]) for i in range(size - n + 1)]
                assert seq_rep(tokens, n) == pytest.approx(1 - len(set(grams)) / len(grams))


@pytest.mark.parametrize(
    "text",
    [
        "好的" * 60,
        "rain " * 60,
        "哈" * 100_000,
        "😀" * 200,
        "❤️" * 200,
        "! " * 2_000,
        "-" * 1_000,
        "\n" * 1_000,
        prose(3_000) + "他说了又说，说了又说，然后走了。" * 13,
        prose(3_000) + (prose(90, 1) + "。") * 4,
        prose(3_000) + (prose(90, 1) + "。") * 4 + prose(90, 1)[:50],
        prose(500) + "啊" * 100 + prose(500, 2),
        prose(300) * 4,
    ],
    ids=lambda text: text[:6],
)
def test_a_text_that_loops_is_runaway(text):
    assert runaway(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "雨",
        prose(200) + "哈" * 99 + prose(200, 1),
        "-" * 300 + "\n" + prose(300) + "\n" + "=" * 300,
        "| " * 150 + "\n" + prose(300),
        prose(300) + "\n" + "- " * 400,
        prose(300) + (prose(90, 1) + "。") * 3,
        prose(300) + "啦啦啦啦，啦啦啦啦。" * 4,
        prose(2_000) * 2,
        "\n\n".join(
            prose(120, verse) + "\n雨还在下，灯还亮着。\n你还没有回来。" for verse in range(6)
        ),
    ],
    ids=lambda text: text[:6],
)
def test_refrains_dividers_and_a_text_given_twice_are_not(text):
    assert not runaway(text)


def test_of_1900_finished_real_texts_none_is_runaway(shared_data):
    pytest.importorskip("rjieba", reason="needs the fast extra")
    for line in (shared_data / "wpb_pool_zh_dev.jsonl").read_bytes().splitlines():
        text = json.loads(line)["response"]
        assert not is_runaway(text, seq_rep(tokenize(text, "zh", "rjieba")))


def test_of_real_english_texts_none_is_runaway(shared_data):
    for line in (shared_data / "creative_pairs_en_dev.jsonl").read_bytes().splitlines():
        assert not runaway(json.loads(line)["chosen"]["response"], "en")
