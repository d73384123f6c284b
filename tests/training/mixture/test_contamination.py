"""Texts of the tests among training rows: what is found, and what is not."""

from __future__ import annotations

import json
import random
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from plain_units import plain, runs
from planted import ENGLISH, PROMPT, RESPONSE, loaded, triplet

from harness.records import Triplet
from harness.training.mixture import contamination
from harness.training.mixture.contamination import Hit, TaskText, TaskTexts


def texts_of(*found: tuple[str, str], task: str = "t") -> contamination.TestTexts:
    """Texts given as (prompt_id, content), all of them prompts."""
    texts = tuple(TaskText(task, prompt_id, "prompt", content) for prompt_id, content in found)
    return contamination.TestTexts([TaskTexts(task, "t.json", "0" * 64, 0, texts)])


@pytest.mark.parametrize(
    "query",
    [
        PROMPT,
        f"  {PROMPT}\n\n",
        PROMPT.replace("，", ",").replace("。", " ").replace("800", "８００"),
        "".join(f"{char} " for char in PROMPT.replace("800", "")).replace("于 字", "于 800 字"),
    ],
    ids=["as it is", "space around it", "punctuation and width", "space within"],
)
def test_a_planted_prompt_is_found_whatever_its_dress(query: str) -> None:
    hit = texts_of(("p", PROMPT)).find(triplet(query))
    assert hit == Hit("t", "p", "exact", "prompt", 1.0)


def test_a_planted_english_prompt_is_found_in_capitals_and_without_punctuation() -> None:
    shouted = ENGLISH.upper().replace(";", "").replace(",", " -").replace(".", "!")
    hit = texts_of(("p", ENGLISH)).find(triplet(shouted))
    assert hit is not None and hit.how == "exact"


@pytest.mark.parametrize("prompt", [PROMPT, ENGLISH])
def test_a_prompt_inside_a_longer_instruction_is_found(prompt: str) -> None:
    longer = f"你是一位资深作家。请先列提纲。{prompt}\n最后给出三个标题。 Thank you very much."
    assert texts_of(("p", prompt)).find(triplet(longer)) == Hit("t", "p", "ngram", "prompt", 1.0)


@pytest.mark.parametrize("field", ["query", "answer", "thought"])
def test_a_text_is_found_in_each_field_of_a_row(field: str) -> None:
    planted = {field: f"开头的几句话与此无关{RESPONSE}结尾也是"}
    hit = texts_of(("p", RESPONSE)).find(triplet(**planted))
    assert hit is not None and (hit.how, hit.share) == ("ngram", 1.0)


def test_an_answer_that_is_a_prompt_and_a_query_that_is_a_response_are_found() -> None:
    tests = texts_of(("p", PROMPT), ("r", RESPONSE))
    assert tests.find(triplet(answer=PROMPT)) == Hit("t", "p", "exact", "prompt", 1.0)
    assert tests.find(triplet(query=RESPONSE)) == Hit("t", "r", "exact", "prompt", 1.0)


@pytest.mark.parametrize("cut", [slice(0, 2), slice(1, 3)], ids=["end", "beginning"])
def test_a_response_without_a_third_of_it_is_found(cut: slice) -> None:
    third = len(RESPONSE) // 3
    left = RESPONSE[cut.start * third : cut.stop * third]
    held, all_of = runs(left, 13), runs(RESPONSE, 13)
    hit = texts_of(("p", RESPONSE)).find(triplet(answer=left))
    assert hit == Hit("t", "p", "ngram", "prompt", len(held & all_of) / len(all_of))
    assert 0.5 <= hit.share < 0.7


def test_the_phrases_that_all_prompts_are_made_of_are_no_hit() -> None:
    tests = texts_of(
        ("a", "请写一篇不少于800字的文章，主题是“故乡的桥”，语言优美，情感真挚，结构完整。"),
        ("b", "请写一篇不少于800字的文章"),
    )
    other = "请写一篇不少于800字的散文，主题是“外婆的围裙”，语言优美，情感真挚，结构完整。"
    assert tests.find(triplet(other)) is None
    same = "请写一篇不少于800字的文章，谈谈你对城市夜市的看法，语言优美，情感真挚。"
    assert tests.find(triplet(same)) == Hit("t", "b", "ngram", "prompt", 1.0)


def test_a_lost_prompt_is_found_nowhere() -> None:
    tests = texts_of(("lost", "/"), ("short", "写诗吧"))
    for query in ("/", " / ", "写诗吧", "", "and/or"):
        assert tests.find(triplet(query, answer=query)) is None


def test_an_exact_find_goes_before_a_higher_share_elsewhere_and_then_the_first_by_id() -> None:
    tests = texts_of(("1", RESPONSE), ("3", PROMPT), ("2", PROMPT + " "), ("0", ENGLISH))
    hit = tests.find(triplet(PROMPT, answer=f"开头{RESPONSE}"))
    assert hit == Hit("t", "2", "exact", "prompt", 1.0)
    both = tests.find(triplet(f"{RESPONSE} {ENGLISH} {PROMPT} 完"))
    assert both == Hit("t", "0", "ngram", "prompt", 1.0)


def test_the_order_of_the_test_texts_makes_no_difference() -> None:
    rng = random.Random(1)
    pieces = [chr(0x4E00 + i) for i in range(400)]
    found = [(str(i), "".join(rng.choices(pieces, k=30))) for i in range(50)]
    rows = [triplet(a[1][:24] + b[1][:24]) for a, b in pairwise(found)]
    hits = [texts_of(*found).find(one) for one in rows]
    assert None not in hits
    for _ in range(3):
        rng.shuffle(found)
        assert [texts_of(*found).find(one) for one in rows] == hits


def json_lines(file: Path) -> list[dict[str, Any]]:
    with file.open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def brute(tests: dict[tuple[str, ...], set[tuple[str, ...]]], one: Triplet) -> float:
    """The highest share in a row of texts of 21 units or more, from sets of tuples."""
    if {tuple(plain(one.query)), tuple(plain(one.answer))} & tests.keys():
        return 1.0
    held = runs(one.query, 13) | runs(one.answer, 13)
    best = max(len(own & held) / len(own) for own in tests.values())
    return best if best >= 0.5 else 0.0


def test_real_rows_are_found_as_sets_of_strings_say(shared_data: Path) -> None:
    """Rows of general data, other models' texts, the tests' own, and cut and mixed ones."""
    rng = random.Random(11)
    file = shared_data / "wpb_pairs_zh_dev.jsonl"
    tests = loaded("contamination=wpb_zh", f"contamination_data.wpb_zh={file}")
    pairs = json_lines(file)
    contents = {pair["prompt"] for pair in pairs}
    contents |= {pair[side]["response"] for pair in pairs for side in ("chosen", "rejected")}
    assert tests.n_texts == len(contents) == 706
    sets = {tuple(plain(text)): runs(text, 13) for text in contents if len(plain(text)) >= 21}
    zh, en, pool = (
        rng.sample(json_lines(shared_data / name), 60)
        for name in ("general_zh.jsonl", "general_en.jsonl", "wpb_pool_zh_dev.jsonl")
    )
    rows = [triplet(one["query"], one["answer"]) for one in (*zh, *en)]
    rows += [triplet(answer=one["response"]) for one in pool[:40]]
    rows += [triplet(one["prompt"], "略") for one in pool[40:]]
    for text in rng.sample(sorted(contents), 60):
        share = rng.choice((0.3, 0.45, 0.55, 0.7))
        rows.append(triplet(answer=text[: int(share * len(text))] + RESPONSE))
    hits = [tests.find(one) for one in rows]
    assert [hit.share if hit else 0.0 for hit in hits] == [brute(sets, one) for one in rows]
    assert not any(hits[:120])
    assert all(hits[160:180])
    assert 20 < sum(hit is not None and hit.how == "ngram" for hit in hits) < 60


def test_real_general_rows_hold_no_test_and_the_pool_holds_nothing_else(shared_data: Path) -> None:
    file = shared_data / "wpb_pairs_zh_dev.jsonl"
    tests = loaded("contamination=wpb_zh", f"contamination_data.wpb_zh={file}")

    def hits(name: str, query: str, answer: str) -> tuple[int, int]:
        found = [
            tests.find(triplet(one[query], one[answer])) for one in json_lines(shared_data / name)
        ]
        return len(found), sum(hit is not None for hit in found)

    assert hits("general_zh.jsonl", "query", "answer") == (1_399, 0)
    assert hits("general_en.jsonl", "query", "answer") == (2_075, 0)
    assert hits("wpb_pool_zh_dev.jsonl", "prompt", "response") == (1_900, 1_900)
