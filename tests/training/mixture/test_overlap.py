"""Which texts stand in a row: the four lengths of texts, and plain Python's sets."""

from __future__ import annotations

import random

import pytest
from plain_units import plain, runs

from harness.training.mixture.overlap import TextIndex
from harness.training.mixture.units import units


def han(count: int, start: int = 0) -> str:
    """So many different characters."""
    return "".join(chr(0x4E00 + start + i) for i in range(count))


def found(text: str, *fields: str) -> float:
    """The share of a text in a row's fields; 0 where it is not found."""
    hit = TextIndex([units(text)]).found([units(field) for field in fields])
    return 0.0 if hit is None else hit[1]


FAR = han(40, 5_000)


def test_half_of_the_13_grams_of_a_long_text_are_enough() -> None:
    text = han(32)  # 20 of them
    assert found(text, FAR + text[:22] + FAR) == 10 / 20
    assert found(text, FAR + text[:21] + FAR) == 0.0
    assert found(text, FAR + text + FAR) == 1.0


def test_of_an_odd_number_of_13_grams_the_larger_half_is_needed() -> None:
    text = han(21)  # 9 of them
    assert found(text, text[:17]) == 5 / 9
    assert found(text, text[:16]) == 0.0


@pytest.mark.parametrize("length", [8, 9, 12, 13, 20])
def test_a_short_text_must_stand_there_whole(length: int) -> None:
    text = han(length)
    assert found(text, FAR + text + FAR) == 1.0
    assert found(text, FAR + text[:-1] + FAR) == 0.0
    assert found(text, FAR + text[1:] + text[0] + FAR) == 0.0


@pytest.mark.parametrize("length", [0, 1, 4, 5, 7])
def test_a_text_under_8_units_is_not_looked_for_inside_others(length: int) -> None:
    assert found(han(length), FAR + han(length) + FAR) == 0.0


@pytest.mark.parametrize("text", ["哈" * 500, "哈哈啊啊" * 9, "ha ha ho " * 30])
def test_a_text_of_next_to_nothing_but_repeats_is_looked_for_as_a_whole(text: str) -> None:
    assert found(text, text) == 0.0
    assert TextIndex([units(text)]).equal(units(text)) == 0


def test_fields_count_together_but_no_run_crosses_a_border() -> None:
    text = han(32)
    assert found(text, text[:17], text[15:]) == 10 / 20
    assert found(text, text[:16], text[16:]) == 0.0
    assert found(han(13), han(6), han(7, 6)) == 0.0


def test_of_several_texts_the_highest_share_is_found_then_the_first() -> None:
    whole, part, again = han(40), han(30, 100), han(40, 200)
    index = TextIndex([units(text) for text in (FAR, part, again, whole)])
    row = units(part[:25] + whole + again)
    assert index.found([row]) == (2, 1.0)
    assert index.found([units(part[:25])]) == (1, 13 / 18)
    assert index.found([units(han(60, 9_000))]) is None
    assert index.found([units("")]) is None


def test_equal_texts_are_one_and_the_first_stands_for_them() -> None:
    index = TextIndex([units(text) for text in ("/", "none", han(30), han(30), han(5), han(4))])
    assert index.equal(units(han(30))) == 2
    assert index.found([units(han(30))]) == (2, 1.0)
    assert index.equal(units(han(5))) == 4
    assert [index.equal(units(text)) for text in ("/", "none", "", han(4), han(31))] == [None] * 5


def test_no_texts_are_found_nowhere() -> None:
    assert TextIndex([]).found([units(FAR)]) is None


def test_shares_are_those_of_sets_of_strings() -> None:
    rng = random.Random(5)
    words = [f"w{number}" for number in range(12)]

    def make(count: int) -> str:
        return " ".join(rng.choice(words) for _ in range(count))

    texts = [make(rng.randint(21, 60)) for _ in range(60)]
    index = TextIndex([units(text) for text in texts])
    hits = 0
    for _ in range(300):
        fields = [make(10)]
        for text in rng.sample(texts, 2):
            own = text.split()
            begin, end = sorted(rng.sample(range(len(own) + 1), 2))
            fields.append(" ".join([*own[begin:end], make(5)]))
        held = set().union(*(runs(field, 13) for field in fields))
        shares = [len(runs(text, 13) & held) / len(runs(text, 13)) for text in texts]
        best = max(shares)
        expected = (shares.index(best), best) if best >= 0.5 else None
        assert index.found([units(field) for field in fields]) == expected
        hits += expected is not None
    assert 30 < hits < 270
    assert all(len(plain(text)) >= 21 for text in texts)
