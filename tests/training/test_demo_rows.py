"""The rows that `harness train demo` learns from: sound, in their language, not in its tasks."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path

import pytest

from harness.data.triplets import load_triplets
from harness.specs import TripletSource

ROOT = Path(__file__).resolve().parent.parent.parent
RECIPES = ROOT / "harness" / "training" / "recipes"
COUNTS = {"creative": 48, "general_zh": 60, "general_en": 60}
FIELDS = ["query", "thought", "answer"]
Row = dict[str, str]
# shortest and longest query, thought and answer: characters, in English words
LENGTHS = {
    "creative": ((40, 150), (120, 350), (120, 700)),
    "general_zh": ((8, 200), (60, 200), (30, 300)),
    "general_en": ((5, 120), (30, 100), (15, 120)),
}
HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]")
RUN = 13


def rows(name: str) -> list[Row]:
    """The rows of one file, parsed line by line without the house's reader."""
    text = (RECIPES / f"demo_{name}.jsonl").read_text(encoding="utf-8")
    assert text.endswith("\n")
    return [json.loads(line) for line in text.removesuffix("\n").split("\n")]


def all_rows() -> list[tuple[str, Row]]:
    return [(f"{name} {n}", row) for name in COUNTS for n, row in enumerate(rows(name), 1)]


def runs(text: str) -> set[tuple[str, ...]]:
    """Every run of 13 units: a Han character each, or a word of other letters and digits."""
    units = re.findall(rf"{HAN.pattern}|(?:(?!{HAN.pattern})[^\W_])+", text.lower())
    return {tuple(units[i : i + RUN]) for i in range(len(units) - RUN + 1)}


def task_texts() -> list[str]:
    """Prompts and both texts of every pair of the demo's tasks."""
    files = [ROOT / "tasks" / f"demo_{language}.json" for language in ("zh", "en")]
    pairs = [pair for file in files for pair in json.loads(file.read_text(encoding="utf-8"))]
    sides = [pair[side]["response"] for pair in pairs for side in ("chosen", "rejected")]
    return [pair["prompt"] for pair in pairs] + sides


@pytest.mark.parametrize("name", COUNTS)
def test_the_files_hold_48_60_and_60_rows_of_three_plain_texts(name: str) -> None:
    found = rows(name)
    assert len(found) == COUNTS[name]
    for row in found:
        assert list(row) == FIELDS
        assert all(text and text == text.strip() for text in row.values())


@pytest.mark.parametrize("name", COUNTS)
def test_the_reader_takes_every_row_with_its_thought_and_has_nothing_to_say(name: str) -> None:
    source = TripletSource(file=f"demo_{name}.jsonl")
    file = load_triplets(source, name=name, home=RECIPES)
    assert (file.rows, len(file.triplets)) == (COUNTS[name], COUNTS[name])
    assert (file.without_thought, file.dropped, file.notices) == (0, (), ())


def test_ids_queries_and_openings_are_all_distinct() -> None:
    found = [row for _, row in all_rows()]
    assert len({row["query"] for row in found}) == len(found)
    assert len({tuple(row.values()) for row in found}) == len(found)
    for field in ("thought", "answer"):
        openings = Counter(row[field].removeprefix("```python\n")[:12] for row in found)
        assert [opening for opening, n in openings.items() if n > 1] == []
    ids = {
        triplet.id
        for name in COUNTS
        for triplet in load_triplets(
            TripletSource(file=f"demo_{name}.jsonl"), name=name, home=RECIPES
        ).triplets
    }
    assert len(ids) == sum(COUNTS.values())


@pytest.mark.parametrize("name", COUNTS)
def test_every_text_is_as_long_as_its_kind_allows(name: str) -> None:
    for number, row in enumerate(rows(name), 1):
        for (field, text), (least, most) in zip(row.items(), LENGTHS[name], strict=True):
            length = len(text.split()) if name == "general_en" else len(text)
            assert least <= length <= most, f"{name} {number} {field}: {length}"


@pytest.mark.parametrize("name", COUNTS)
def test_the_share_of_han_characters_says_the_language_of_the_file(name: str) -> None:
    """Of query and thought together: the code in some answers has none."""
    for number, row in enumerate(rows(name), 1):
        letters = [char for char in row["query"] + row["thought"] if char.isalpha()]
        share = sum(HAN.match(char) is not None for char in letters) / len(letters)
        place = f"{name} {number}: {share:.2f}"
        if name == "general_en":
            assert share == 0 and not HAN.search(row["answer"]), place
        else:
            assert share > 0.5 and HAN.search(row["answer"]), place


def test_no_run_of_13_units_stands_in_the_demo_tasks() -> None:
    learnt: set[tuple[str, ...]] = set()
    for text in task_texts():
        learnt |= runs(text)
    assert learnt
    queries = {text.strip() for text in task_texts()}
    for place, row in all_rows():
        assert row["query"] not in queries, place
        for text in row.values():
            assert not runs(text) & learnt, place


def test_no_two_rows_share_a_run_of_13_units() -> None:
    owners: dict[tuple[str, ...], str] = {}
    for place, row in all_rows():
        for run in set().union(*map(runs, row.values())):
            assert owners.setdefault(run, place) == place, f"{place}, {owners[run]}: {run}"
