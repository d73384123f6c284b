"""Texts measured: every field, odd texts, and the same numbers in any number of processes."""

from __future__ import annotations

import json
import os
import re
import unicodedata
from dataclasses import asdict, replace

import pytest

from harness.metrics import workers
from harness.metrics.measures import definitions, measure
from harness.records import Text, short_id

PROMPTS = {"p": "写一场雨", "q": "写一封信", "r": "写一座桥"}


def text(written, prompt_id="p", language="zh", **more):
    return Text(prompt_id, "散文", "Non-fiction", language, written, **more)


def test_every_field_by_hand():
    [found] = measure(
        [text("雨停了，雨又下了。", n_tokens=7, finish_reason="length", repeat=2, score=3.0)],
        PROMPTS,
        segmenter="jieba",
    )
    # 雨停 了 雨 又 下 了
    assert asdict(found) == {
        "prompt_id": "p",
        "tag": "散文",
        "genre": "Non-fiction",
        "language": "zh",
        "repeat": 2,
        "text_id": short_id("zh", "写一场雨", "雨停了，雨又下了。"),
        "chars": 9,
        "words": 6,
        "types": 5,
        "tokens": 7,
        "ttr": 5 / 6,
        "mattr50": 5 / 6,
        "mtld": pytest.approx(6 * 6 * 0.28),
        "hdd42": None,
        "distinct2": None,
        "seq_rep8": None,
        "nearest": 0.0,
        "written_in": "zh",
        "wrong_language": False,
        "empty": False,
        "truncated": True,
        "refusal": False,
        "runaway": False,
        "near_duplicate": False,
        "score": 3.0,
    }


def test_texts_that_are_not_there_are_left_out_and_the_rest_keep_their_order():
    texts = [text("一", "p"), text(None, "q", error="timeout"), text("三", "r")]
    assert [one.prompt_id for one in measure(texts, PROMPTS, segmenter="jieba")] == ["p", "r"]
    assert measure([], PROMPTS, segmenter="jieba") == []


def test_one_story_for_two_prompts_is_a_near_duplicate():
    story = "老人坐在河边，看着船一只一只地过去，没有一只停下。"
    same = [text(story, "p"), text(story, "q"), text("桥上没有灯。", "r")]
    found = measure(same, PROMPTS, segmenter="jieba")
    assert [one.near_duplicate for one in found] == [True, True, False]
    assert [one.nearest for one in found] == [1.0, 1.0, 0.0]
    again = [text(story, "p"), replace(text(story, "p"), repeat=1)]
    assert [one.near_duplicate for one in measure(again, PROMPTS, segmenter="jieba")] == [False] * 2


ODD = {
    "nothing": "",
    "white space": " \n\u3000\t",
    "one character": "雨",
    "punctuation": "……！？",
    "emoji": "😀🎉👍🏽",
    "many emoji": "😀" * 200,
    "NUL": "雨\0停\0了",
    "lone surrogate": "雨\ud800停",
    "mixed": "她说 hello，然后走了。",
    "traditional": "雨停了，她繼續寫信。",
    "one word": "好的" * 500,
    "long": "雨" * 100_000,
    "long Latin": "a" * 100_000,
    "numbers": "1 2 3 4.5 ①",
}


@pytest.mark.parametrize("language", ["zh", "en"])
def test_odd_texts_are_measured_and_stored_as_json(language):
    texts = [text(written, language=language) for written in ODD.values()]
    measured = measure(texts, PROMPTS, segmenter="jieba")
    found = dict(zip(ODD, measured, strict=True))
    json.dumps([asdict(one) for one in found.values()], allow_nan=False)
    assert [name for name, one in found.items() if one.empty] == ["nothing", "white space"]
    for name in ("nothing", "white space", "punctuation", "emoji"):
        one = found[name]
        assert one.words == 0 and one.written_in is None and not one.wrong_language
        assert {one.ttr, one.mattr50, one.mtld, one.hdd42, one.distinct2, one.seq_rep8} == {None}
    runaway = [name for name, one in found.items() if one.runaway]
    assert runaway == ["many emoji", "one word", "long", "long Latin"]
    assert found["long"].chars == 100_000 and found["one character"].ttr == 1.0
    assert found["traditional"].wrong_language == (language == "en")
    assert found["long Latin"].wrong_language == (language == "zh")


def test_many_processes_give_the_same_numbers(monkeypatch):
    houses = ["old", "new", "red", "big", "wet"]
    texts = [
        text(
            f"Rain fell on the {house} house, and nobody spoke of it.", prompt, "en", repeat=number
        )
        for number, (house, prompt) in enumerate(zip(houses * 9, "pqr" * 15, strict=True))
    ]
    alone = measure(texts, PROMPTS, segmenter="jieba")
    monkeypatch.setattr(workers, "FEWEST_CHARS", 1)
    with workers.Workers(2) as two:
        assert measure(texts, PROMPTS, segmenter="jieba", workers=two) == alone
        assert measure(texts[:5], PROMPTS, segmenter="jieba", workers=two) == measure(
            texts[:5], PROMPTS, segmenter="jieba"
        )


def test_small_work_is_shared_out_only_where_more_is_coming():
    def look(work):
        return [os.getpid()] * len(work)

    with workers.Workers(2) as small:
        assert set(small.share(look, [1, 2, 3], 10)) == {os.getpid()}
    with workers.Workers(2, coming=workers.FEWEST_CHARS) as large:
        assert os.getpid() not in large.share(os_of, [1, 2, 3], 10)


def os_of(work):
    return [os.getpid()] * len(work)


def test_definitions_say_what_the_measures_were_computed_with():
    found = definitions()
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert "letter or a number" in found["filter"]
    assert found["mattr50"] == {"window": 50} and found["mtld"] == {"threshold": 0.72}
    assert found["hdd42"] == {"draws": 42} and found["distinct2"] == {"n": 2, "budget": 200}


def test_ttr_of_real_texts_is_that_of_a_few_independent_lines(shared_data):
    import jieba

    lines = (shared_data / "wpb_pool_zh_dev.jsonl").read_bytes().splitlines()
    rows = [json.loads(line) for line in lines[::50]]
    texts = [text(row["response"], row["prompt_id"]) for row in rows]
    prompts = {row["prompt_id"]: row["prompt"] for row in rows}
    for row, one in zip(rows, measure(texts, prompts, segmenter="jieba"), strict=True):
        words = [
            word
            for word in jieba.cut(row["response"].lower())
            if re.search("L|N", "".join(unicodedata.category(c)[0] for c in word))
        ]
        assert one.words == len(words) and one.chars == len(row["response"])
        assert one.ttr == pytest.approx(len(set(words)) / len(words), abs=1e-12)
        assert one.written_in == "zh" and not one.near_duplicate
