"""Lexical diversity by hand, by brute force and by lexicalrichness."""

from __future__ import annotations

import json
import random
from collections import Counter
from fractions import Fraction
from itertools import pairwise
from math import comb

import pytest

from harness.metrics.diversity import distinct_n, hdd, mattr, mtld, ttr
from harness.metrics.tokens import numbered, tokenize

SIZES = (1, 2, 3, 10, 41, 42, 43, 49, 50, 51, 120, 700)


def sample(size, kinds, seed=0):
    """Tokens of which some are far more frequent than others."""
    rng = random.Random(seed)
    return [f"w{int(rng.random() ** 2 * kinds)}" for _ in range(size)]


TEXTS = [sample(size, kinds) for size in SIZES for kinds in (1, 2, 8, 60, 2_000)]


def windows(tokens, size):
    """MATTR by its definition."""
    size = min(size, len(tokens))
    parts = [tokens[i : i + size] for i in range(len(tokens) - size + 1)]
    return sum(Fraction(len(set(part)), size) for part in parts) / len(parts)


def factors(tokens, threshold):
    """MTLD of one direction by its definition."""
    count, segment = 0.0, []
    for token in tokens:
        segment.append(token)
        if len(set(segment)) / len(segment) <= threshold:
            count, segment = count + 1, []
    if segment:
        count += (1 - len(set(segment)) / len(segment)) / (1 - threshold)
    return count or 1.0


def drawn(tokens, draws):
    """HD-D by its definition, in whole numbers."""
    n = len(tokens)
    missed = (
        Fraction(comb(n - count, draws), comb(n, draws)) for count in Counter(tokens).values()
    )
    return sum(1 - p for p in missed) / draws


def test_measures_follow_their_definitions():
    for tokens in TEXTS:
        assert ttr(tokens) == len(set(tokens)) / len(tokens)
        assert mattr(tokens) == pytest.approx(float(windows(tokens, 50)), abs=1e-12)
        both = [len(tokens) / factors(way, 0.72) for way in (tokens, tokens[::-1])]
        assert mtld(tokens) == pytest.approx(sum(both) / 2, abs=1e-9)
        if len(tokens) >= 42:
            assert hdd(tokens) == pytest.approx(float(drawn(tokens, 42)), abs=1e-12)


def lexicalrichness(tokens):
    package = pytest.importorskip("lexicalrichness")
    return package.LexicalRichness(tokens, preprocessor=None, tokenizer=None)


def test_measures_agree_with_lexicalrichness():
    for tokens in TEXTS:
        theirs = lexicalrichness(tokens)
        assert ttr(tokens) == theirs.ttr
        assert mtld(tokens) == pytest.approx(theirs.mtld(0.72), abs=1e-9)
        if len(tokens) >= 50:
            assert mattr(tokens) == pytest.approx(theirs.mattr(50), abs=1e-12)
            assert hdd(tokens) == pytest.approx(theirs.hdd(42), abs=1e-9)


def test_real_english_texts_agree_with_lexicalrichness(shared_data):
    lines = (shared_data / "creative_pairs_en_dev.jsonl").read_bytes().splitlines()
    for line in lines[:430:20]:
        tokens = tokenize(json.loads(line)["chosen"]["response"], "en")
        theirs = lexicalrichness(tokens)
        assert ttr(tokens) == theirs.ttr
        assert mtld(tokens) == pytest.approx(theirs.mtld(0.72), abs=1e-9)
        assert mattr(tokens) == pytest.approx(theirs.mattr(50), abs=1e-12)
        assert hdd(tokens) == pytest.approx(theirs.hdd(42), abs=1e-9)


def test_chinese_by_hand():
    tokens = tokenize("雨停了，雨又下了。", "zh")
    assert tokens == ["雨停", "了", "雨", "又", "下", "了"]
    assert ttr(tokens) == 5 / 6
    # shorter than the window: its plain TTR; windows of three are all of distinct words
    assert mattr(tokens) == 5 / 6 and mattr(tokens, 3) == 1.0 and mattr(tokens, 5) == 0.9
    # both directions end with 1/6 over 0.28 of a factor
    assert mtld(tokens) == pytest.approx(6 * 6 * 0.28)
    # two of six drawn: each of four single words is in with 1/3, the double one with 1 - 6/15
    assert hdd(tokens, 2) == pytest.approx((4 / 3 + 9 / 15) / 2)


def test_a_factor_is_closed_at_the_threshold_itself():
    # 18 types in 25 tokens are 0.72: one factor forward; backward it closes as late
    tokens = [str(i) for i in range(18)] + ["0"] * 7
    assert 18 / 25 == 0.72
    assert factors(tokens, 0.72) == 1.0
    assert mtld(tokens) == pytest.approx((25 + 25 / factors(tokens[::-1], 0.72)) / 2)


def test_a_text_that_repeats_nothing_is_one_factor_of_all_its_tokens():
    assert mtld([str(i) for i in range(30)]) == 30
    assert mtld(["one"]) == 1


def test_too_short_is_null_and_no_tokens_are_null():
    assert ttr([]) == 0.0 and ttr(()) == 0.0
    assert mattr([]) is None and mtld([]) is None and hdd([]) is None and distinct_n([]) is None
    assert hdd(["a"] * 41) is None and hdd(["a"] * 42) == pytest.approx(1 / 42)
    assert distinct_n(["a"] * 199) is None and distinct_n(["a"] * 200) == 1 / 199


def test_distinct_2_is_taken_over_the_first_200_tokens():
    first = sample(200, 90, seed=3)
    expected = len(set(pairwise(first))) / 199
    assert distinct_n(first) == expected == distinct_n(first + sample(500, 5, seed=4))


def test_numbered_tokens_give_the_same_as_tokens():
    tokens = sample(300, 80)
    codes = numbered(tokens)[0]
    for found in (mattr, mtld, hdd, distinct_n):
        assert found(codes) == found(tokens)


def test_one_word_a_hundred_thousand_times():
    tokens = ["哈"] * 100_000
    assert mattr(tokens) == pytest.approx(0.02) and mtld(tokens) == 2.0
    assert hdd(tokens) == pytest.approx(1 / 42)
