"""`read_texts`: what was written elsewhere, by model."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.data.texts import TextRows, WrittenText, read_texts
from harness.errors import DataError, UsageError

Write = Callable[..., Path]
Read = Callable[..., TextRows]


@pytest.fixture
def read(write_rows: Write) -> Read:
    def of(rows: list[Any], name: str = "mine.jsonl", **options: Any) -> TextRows:
        return read_texts(write_rows(rows, name), **options)

    return of


def wrote(number: int, response: str = "文", **changes: Any) -> dict[str, Any]:
    return {"prompt_id": f"p{number}", "response": response, **changes}


def test_without_models_the_file_is_the_one_model(read: Read) -> None:
    found = read([wrote(1, "一"), wrote(2, "二", model=None)])
    (source,) = found.sources
    assert source.name == "mine"
    assert source.rows == {
        "p1": (WrittenText("一", None, None, None),),
        "p2": (WrittenText("二", None, None, None),),
    }
    assert (found.rows, found.dropped, found.notices) == (2, (), ())


def test_a_column_of_models_splits_the_file(read: Read) -> None:
    rows = [wrote(1, "x", model="b"), wrote(1, "y", model="a"), wrote(2, "z", model="b")]
    found = read(rows, "pool.json")
    assert [(source.name, sorted(source.rows)) for source in found.sources] == [
        ("b", ["p1", "p2"]),
        ("a", ["p1"]),
    ]


def test_a_row_without_a_model_among_rows_with_one_is_bad(read: Read) -> None:
    rows = [wrote(1), wrote(1, model="a"), wrote(2, model=None), wrote(3, model="a")]
    with pytest.raises(DataError) as caught:
        read(rows)
    assert str(caught.value).splitlines()[1:3] == [
        "  row 1: field model: missing, while other rows have it",
        "  row 3: field model: missing, while other rows have it",
    ]
    (source,) = read(rows, bad_rows="drop").sources
    assert (source.name, list(source.rows)) == ("a", ["p1", "p3"])


def test_several_texts_for_a_prompt_stay_in_order(read: Read) -> None:
    (source,) = read([wrote(1, "b"), wrote(2, "x"), wrote(1, "a"), wrote(1, "b")]).sources
    assert [text.response for text in source.rows["p1"]] == ["b", "a", "b"]


def test_scores_reasons_and_tokens_come_along(read: Read) -> None:
    rows = [
        wrote(1, score=2, finish_reason="length", n_tokens=7),
        wrote(2, score=1.5, completion_tokens=9.0),
        wrote(3, score=None, n_tokens=None, completion_tokens=4),
    ]
    (source,) = read(rows).sources
    assert [source.rows[f"p{i}"][0] for i in (1, 2, 3)] == [
        WrittenText("文", 2.0, "length", 7),
        WrittenText("文", 1.5, None, 9),
        WrittenText("文", None, None, 4),
    ]


@pytest.mark.parametrize(
    "response",
    [
        "",
        " \n",
        "\0",
        "a\0b",
        "😀👩\u200d👩\u200d👧",
        "\u2028x\x85",
        "繁體字",
        "…！？",
        "好" * 100_000,
    ],
)
def test_any_text_is_kept_as_it_stands(read: Read, response: str) -> None:
    (source,) = read([wrote(1, response)]).sources
    assert source.rows["p1"][0].response == response


def test_a_prompt_id_may_be_a_whole_number(read: Read) -> None:
    (source,) = read([{"prompt_id": 7, "response": "x"}]).sources
    assert list(source.rows) == ["7"]


def test_other_keys_are_ignored_and_told_once(read: Read) -> None:
    found = read([wrote(1, prompt="x", tag="t"), wrote(2, prompt="y")])
    assert found.notices == (
        "keys that are no part of the format were ignored: 'prompt' 2, 'tag' 1",
    )


BAD = [
    ({"response": "x"}, "field prompt_id: missing"),
    ({"prompt_id": "p"}, "field response: missing"),
    (wrote(1, prompt_id=""), "field prompt_id: empty"),
    (wrote(1, response=None), "field response: must be a string, not null"),
    (wrote(1, response=["x"]), "field response: must be a string, not a list"),
    (wrote(1, response="\ud83d"), "field response: holds half of a surrogate pair"),
    (wrote(1, score="3"), "field score: must be a number or null, not a string"),
    (wrote(1, score=float("nan")), "field score: NaN; write null where there is no score"),
    (wrote(1, score=True), "field score: must be a number or null, not true or false"),
    (wrote(1, model=[]), "field model: must be a string, not a list"),
    (wrote(1, model=" "), "field model: empty"),
    (wrote(1, finish_reason=1), "field finish_reason: must be a string, not a number"),
    (wrote(1, n_tokens=-1), "field n_tokens: must be a whole number from 0 up, not -1"),
    (wrote(1, n_tokens=1.5), "field n_tokens: must be a whole number from 0 up, not 1.5"),
    (wrote(1, completion_tokens="9"), "field completion_tokens: must be a number or null"),
    (5, "must be an object, not a number"),
]


@pytest.mark.parametrize(("row", "problem"), BAD)
def test_a_bad_row_is_named_with_its_field(tmp_path: Path, row: Any, problem: str) -> None:
    file = tmp_path / "texts.jsonl"
    file.write_text("\n".join(json.dumps(one) for one in (wrote(1), row)))
    with pytest.raises(DataError) as caught:
        read_texts(file)
    assert str(caught.value).splitlines()[0] == f"{file}: 1 of 2 rows cannot be used:"
    assert f"  row 2: {problem}" in str(caught.value)
    kept = read_texts(file, bad_rows="drop")
    assert (len(kept.sources[0].rows), len(kept.dropped), kept.rows) == (1, 1, 2)


def test_a_file_without_a_good_row_is_refused(read: Read) -> None:
    with pytest.raises(DataError, match="no good row is left"):
        read([wrote(1, response=None)], bad_rows="drop")


def test_a_file_that_is_not_there_is_wrong_use(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"texts:.*nope: no such file"):
        read_texts(tmp_path / "nope")
    with pytest.raises(UsageError, match="a directory"):
        read_texts(tmp_path)


def test_the_sum_of_a_model_moves_with_its_own_rows_alone(read: Read) -> None:
    own = [wrote(i, f"text {i}", model="a", score=i) for i in range(5)]
    sums = {
        read(rows).sources[0].sha256
        for rows in (own, own[::-1], [*own, wrote(1, "x", model="b")], [{**r, "x": 1} for r in own])
    }
    assert len(sums) == 1
    for change in ({"response": "y"}, {"score": None}, {"finish_reason": "stop"}, {"n_tokens": 1}):
        assert read([*own[:4], {**own[4], **change}]).sources[0].sha256 not in sums
    assert read(own[:4]).sources[0].sha256 not in sums


def test_the_sum_knows_the_order_of_texts_for_one_prompt(read: Read) -> None:
    first, second = wrote(1, "a"), wrote(1, "b")
    assert read([first, second]).sources[0].sha256 != read([second, first]).sources[0].sha256


def test_the_real_pool_is_19_models_with_scores_and_tokens(
    shared_data: Path, tmp_path: Path
) -> None:
    file = shared_data / "wpb_pool_zh_dev.jsonl"
    lines = file.read_text(encoding="utf-8").strip().split("\n")
    rows = [json.loads(line) for line in lines]
    found = read_texts(file)
    assert {source.name: sum(map(len, source.rows.values())) for source in found.sources} == (
        Counter(row["model"] for row in rows)
    )
    assert (len(found.sources), found.rows) == (19, 1_900)
    by_name = {source.name: source for source in found.sources}
    for row in rows:
        (text,) = by_name[row["model"]].rows[row["prompt_id"]]
        assert (text.response, text.score) == (row["response"], row["score"])
        assert text.n_tokens == row["completion_tokens"]
    random.Random(0).shuffle(lines)
    (tmp_path / "shuffled.jsonl").write_text("\n".join(lines), encoding="utf-8")
    again = {
        source.name: source.sha256 for source in read_texts(tmp_path / "shuffled.jsonl").sources
    }
    assert again == {source.name: source.sha256 for source in found.sources}
