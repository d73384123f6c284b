"""The normal form of texts that copies are looked up by, against plain Python."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import unicodedata
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from plain_units import plain

from harness.training.mixture.units import distinct, grams, spans, units

MASK = (1 << 64) - 1
STEP = 0x9E3779B97F4A7C15


def same_form(one: str, other: str) -> bool:
    return units(one).tolist() == units(other).tolist()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "雨停了。The rain stopped, 3 pm!",
            ["雨", "停", "了", "the", "rain", "stopped", "3", "pm"],
        ),
        ("第12章ＡＢ", ["第", "12", "章", "ab"]),
        ("カタカナ ｶﾞ 한국", ["カ", "タ", "カ", "ナ", "ガ", "한", "국"]),
        ("it's snake_case", ["it", "s", "snake", "case"]),
        ("co\u00adop e\u0301te\u0301", ["coop", "été"]),
        ("x\u0301y\ufe0fz ไทย\u0e49", ["xyz", "ไทย"]),
        ("/ — 。\n\t", []),
        ("", []),
    ],
)
def test_a_unit_is_a_wide_letter_or_a_word(text: str, expected: list[str]) -> None:
    assert plain(text) == expected
    assert len(units(text)) == len(expected)


def test_codes_are_equal_exactly_where_units_are(shared_data: Path) -> None:
    names: dict[int, str] = {}
    for file in ("general_en.jsonl", "general_zh.jsonl", "wpb_pairs_zh_dev.jsonl"):
        for line in (shared_data / file).read_text(encoding="utf-8").split("\n")[:300]:
            text = " ".join(map(str, json.loads(line).values()))
            expected = plain(text)
            codes = units(text).tolist()
            assert len(codes) == len(expected)
            for code, unit in zip(codes, expected, strict=True):
                assert names.setdefault(code, unit) == unit
    assert len(names) == len(set(names.values())) > 5_000


def test_case_width_punctuation_and_space_make_no_difference() -> None:
    assert same_form("Write: a POEM\n（on rain）", "  ｗｒｉｔｅ a poem — on rain")
    assert not same_form("a poem on rain", "a poem on snow")
    assert not same_form("a b", "ab")
    assert not same_form("雨停", "停雨")


def test_where_a_long_text_is_cut_to_be_normalised_leaves_no_trace() -> None:
    decomposed = unicodedata.normalize("NFD", "Été à l’école, où naïve. " * 40)
    for shift in range(0, 300, 7):
        text = "x" * shift + " " + decomposed
        assert same_form(text, unicodedata.normalize("NFC", text))


def test_a_piece_begins_with_a_character_that_joins_nothing_before_it() -> None:
    starts = [chr(i) for r in (range(0x300), range(0x3400, 0xA000)) for i in r]
    assert {unicodedata.combining(char) for char in starts} == {0}
    composing = {
        unicodedata.normalize("NFD", chr(i))[1:2]
        for i in range(0x30000)
        if not 0xD800 <= i < 0xE000
    }
    assert composing & set(starts) == set()


@pytest.mark.parametrize(
    "text", ["\u0301" * 50_000, "\ud800 a", "\0" * 9, "🙂‍↔️" * 99, "\U000e0041"]
)
def test_rubbish_is_taken(text: str) -> None:
    assert len(units(text)) == text.count("a")


def mixed(code: int) -> int:
    """splitmix64 in whole numbers."""
    code = (code + STEP) & MASK
    code = ((code ^ code >> 30) * 0xBF58476D1CE4E5B9) & MASK
    code = ((code ^ code >> 27) * 0x94D049BB133111EB) & MASK
    return code ^ code >> 31


def test_codes_are_those_of_whole_numbers() -> None:
    def word(text: str) -> int:
        return mixed(sum(mixed(ord(c)) * STEP ** (k + 1) for k, c in enumerate(text)) & MASK)

    expected = [word("雨"), word("rain"), word("12")]
    assert units("雨 RAIN, 12").tolist() == expected
    one, two, three = expected
    pairs = [mixed((a * STEP + b) & MASK) for a, b in pairwise((one, two, three))]
    assert grams(units("雨 RAIN, 12"), 2).tolist() == pairs


def test_codes_are_those_of_any_other_process() -> None:
    program = (
        "from harness.training.mixture.units import units; print(units('一夜 of rain').tolist())"
    )
    for seed in ("1", "2"):
        done = subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        )
        assert json.loads(done.stdout) == units("一夜 of rain").tolist()


def test_a_text_has_as_many_runs_as_places_for_one() -> None:
    codes = units("a b c d e")
    assert [grams(codes, n).size for n in (1, 4, 5, 6)] == [5, 2, 1, 0]
    assert grams(codes, 5).tolist() != grams(codes[::-1].copy(), 5).tolist()


def test_distinct_is_a_sorted_set() -> None:
    codes = np.array([5, 3, 5, 0, 3], np.uint64)
    assert distinct(codes).tolist() == [0, 3, 5]
    assert distinct(codes[:0]).tolist() == []


def test_spans_are_laid_end_to_end() -> None:
    assert spans(np.array([4, 0, 7]), np.array([6, 0, 10])).tolist() == [4, 5, 7, 8, 9]
    assert spans(np.array([], np.int64), np.array([], np.int64)).tolist() == []
