"""What counts as a word, and words as numbers."""

from __future__ import annotations

import json
import random
import sys
import unicodedata

import jieba.finalseg
import pytest

from harness.metrics.tokens import numbered, tokenize, tokenizer_facts
from harness.metrics.unknown_words import tagger

ODD_NAMES = "沈致远把林晓蔷的羊绒围巾送到艾尔薇恩森林，葛二蛋在绫波丽身旁嘞嘞地笑。"


def test_isalnum_is_true_of_exactly_the_letters_and_numbers_of_unicode():
    # what the filter of tokens leans on
    everything = map(chr, range(sys.maxunicode + 1))
    assert [c for c in everything if c.isalnum() != (unicodedata.category(c)[0] in "LN")] == []


def test_chinese_tokens_are_jiebas_that_hold_a_letter_or_a_number():
    text = "我们来到北京，看见 3.5 只 Cats——①！"
    assert tokenize(text, "zh") == ["我们", "来到", "北京", "看见", "3.5", "只", "cats", "①"]


def test_english_tokens_keep_inner_apostrophes_and_hyphens():
    text = "Don't stop: the well-known_DOG’s 2nd café -- 'quoted'"
    expected = ["don't", "stop", "the", "well-known", "dog’s", "2nd", "café", "quoted"]
    assert tokenize(text, "en") == expected


def test_rjieba_is_used_when_asked_for_and_named_in_the_facts():
    pytest.importorskip("rjieba", reason="needs the fast extra")
    assert tokenize("我们来到北京。", "zh", "rjieba") == ["我们", "来到", "北京"]
    assert tokenizer_facts("rjieba")["zh"].startswith("rjieba ")
    assert tokenizer_facts("jieba")["zh"].endswith("default dictionary, HMM on")


@pytest.mark.parametrize("text", ["", " \n\t", "……！？", "\0", "\ud800", "👍🏽"])
@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_text_without_letters_and_numbers_has_no_tokens(text, language):
    assert tokenize(text, language) == []


@pytest.mark.parametrize(
    "text", ["哈" * 100_000, "雨" * 100_000, "a" * 100_000, "a\0" * 50_000, "😀" * 100_000]
)
def test_a_hundred_thousand_characters_of_anything_are_cut(text):
    assert "".join(tokenize(text, "zh")) == "".join(c for c in text if c.isalnum())


def test_numbers_are_given_in_order_of_first_sight():
    codes, types = numbered(["b", "a", "b", "c", "a"])
    assert codes.tolist() == [0, 1, 0, 2, 1] and types == ["b", "a", "c"]
    assert numbered([])[0].tolist() == []


def test_unknown_words_are_tagged_as_jieba_tags_them_in_every_bit():
    model = jieba.finalseg.start_P, jieba.finalseg.trans_P, jieba.finalseg.emit_P
    ours = tagger(*model)
    rng = random.Random(0)
    common = "雨停了她又下的一是不我在有人这个们来到说和地也子时道得"
    for _ in range(500):
        text = "".join(
            rng.choice(common) if rng.random() < 0.7 else chr(rng.randrange(0x4E00, 0x9FA6))
            for _ in range(rng.randrange(1, 20))
        )
        assert ours(text, "BMES", *model) == jieba.finalseg.viterbi(text, "BMES", *model)


def test_jieba_is_left_as_it_is_for_everybody_else():
    before = jieba.finalseg.viterbi
    tokenize(ODD_NAMES, "zh")
    assert jieba.finalseg.viterbi is before and before.__module__ == "jieba.finalseg"


def test_real_texts_are_cut_as_jieba_cuts_them(shared_data):
    lines = (shared_data / "wpb_pool_zh_dev.jsonl").read_bytes().splitlines()
    for line in lines[::40]:
        text = json.loads(line)["response"].lower()
        theirs = [word for word in jieba.cut(text) if any(map(str.isalnum, word))]
        assert tokenize(text, "zh") == theirs
