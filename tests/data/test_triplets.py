"""Training rows: every form and kind of file they come in, and what is refused."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.data.rows import parse_rows
from harness.data.triplet_files import read_rows
from harness.data.triplets import TripletFile, load_triplets
from harness.errors import DataError, MissingExtra
from harness.progress import Silent
from harness.specs import TripletSource

Row = dict[str, Any]
TAGGED = (
    "<|begin_of_thought|>\n\nfirst\n\nthen\n\n<|end_of_thought|>\n\n"
    "<|begin_of_solution|>\n\nsaid\n\n<|end_of_solution|>"
)


def turns(query: str, reply: str, roles: tuple[str, str] = ("user", "assistant")) -> Row:
    pair = zip(roles, (query, reply), strict=True)
    return {"conversations": [{"from": role, "value": value} for role, value in pair]}


def read(path: Path, **changes: Any) -> TripletFile:
    return load_triplets(TripletSource(file=str(path), **changes), name="creative")


@pytest.fixture
def load(write_rows: Callable[..., Path]) -> Callable[..., TripletFile]:
    """Rows of one's own, written and read."""
    return lambda rows, name="rows.jsonl", **changes: read(write_rows(rows, name), **changes)


def texts(file: TripletFile) -> list[tuple[str, str | None, str]]:
    return [(one.query, one.thought, one.answer) for one in file.triplets]


@pytest.mark.parametrize(
    "row",
    [
        {"query": "ask", "thought": "first\n\nthen", "answer": "said"},
        {"id": "u", "query": "ask", "thought": "first\n\nthen", "answer": "said"},
        {"query_type": "诗", "query": "ask", "thought": "first\n\nthen", "answer": "said"},
        {"input": "ask", "reasoning_content": "first\n\nthen", "content": "said", "score": 9},
        {"system": "be brief", **turns("ask", TAGGED)},
        turns("ask", "<think>\nfirst\n\nthen\n</think>\n\nsaid", ("human", "gpt")),
        {
            "conversations": [
                {"from": "system", "value": "be brief"},
                *turns("ask", TAGGED)["conversations"],
            ]
        },
    ],
    ids=["rows", "coig", "coig-first", "deepseek_r1", "openthoughts", "openthoughts3", "system"],
)
def test_a_local_file_is_read_in_whichever_form_its_rows_have(
    load: Callable[..., TripletFile], row: Row
) -> None:
    assert texts(load([row])) == [("ask", "first\n\nthen", "said")]


def test_the_id_is_of_the_texts_as_they_stand(load: Callable[..., TripletFile]) -> None:
    file = load([{"query": " 写诗\n", "thought": "\n想", "answer": "雨停了。\n "}])
    (one,) = file.triplets
    assert (one.query, one.thought, one.answer, one.row) == (" 写诗\n", "\n想", "雨停了。\n ", 1)
    assert one.id == hashlib.sha256(" 写诗\n\0\n想\0雨停了。\n ".encode()).hexdigest()


def test_a_list_lines_and_parquet_give_the_same_triplets(
    load: Callable[..., TripletFile], tmp_path: Path
) -> None:
    pa = pytest.importorskip("pyarrow")
    import pyarrow.parquet as pq

    rows = [{"query": f"q{i}", "thought": f"t{i}", "answer": f"a{i}", "n": i} for i in range(3000)]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "rows.parquet")
    three = [load(rows, "rows.json"), load(rows), read(tmp_path / "rows.parquet")]
    assert three[0].triplets == three[1].triplets == three[2].triplets
    assert [one.row for one in three[2].triplets] == list(range(1, 3001))
    said = "keys that are no part of the format were ignored: 'n' 3,000"
    assert [file.notices for file in three] == [(said,)] * 3


def test_conversations_are_read_from_parquet(tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    import pyarrow.parquet as pq

    pq.write_table(pa.Table.from_pylist([turns("ask", TAGGED)]), tmp_path / "data.parquet")
    assert texts(read(tmp_path / "data.parquet")) == [("ask", "first\n\nthen", "said")]


def test_lines_are_parsed_as_the_whole_file_would_be(tmp_path: Path) -> None:
    lines = [
        '{"query": "a"}', "", '{"query": "a"', "[1, 2]", "[1, 2", '"x"', "7 8", '{"a": 1, "a": 2}',
        "1], [2", '{"a": 1}, {"b": 2}', "NaN", "", '{"query": "\\ud800"}', "[" * 5000, "]",
    ]  # fmt: skip
    file = tmp_path / "rows.jsonl"
    file.write_bytes("\r\n".join(["\ufeff" + lines[0], *lines[1:]]).encode())
    found = read_rows(file, columns=(), progress=Silent())
    assert [repr(row) for row in found] == [
        repr(row) for row in parse_rows(file.read_bytes(), str(file))
    ]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "empty file"),
        (b" \n\n", "empty file"),
        (b"[]", "the list holds no rows"),
        (b"query,answer\nq,a\n", "neither a JSON list nor JSON Lines"),
        (b'{\n "rows": []\n}\n', "JSON, but not a list of rows: an object with the keys 'rows'"),
        (b'[{"query": "q", "answer": "a"}', "the file seems to be cut off"),
        ('{"query":"q","answer":"a"}\n'.encode("utf-16"), "looks like UTF-16"),
        (b'{"query":"q","answer":"a"}\n{"query":"\xff"}\n', "line 2: not UTF-8 (byte 10)"),
        (b"PAR1 and no more", "cannot be read as Parquet"),
    ],
)
def test_a_file_that_holds_no_rows_says_why(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "file").write_bytes(content)
    if content.startswith(b"PAR1"):
        pytest.importorskip("pyarrow")
    with pytest.raises(DataError) as caught:
        read(tmp_path / "file")
    assert said in str(caught.value) and str(tmp_path / "file") in str(caught.value)


def test_parquet_without_its_library_names_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "rows.parquet").write_bytes(b"PAR1")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingExtra, match=r"reading Parquet needs an extra.*\[train\]"):
        read(tmp_path / "rows.parquet")


def test_all_bad_rows_come_in_one_message_with_all_that_is_wrong(
    load: Callable[..., TripletFile],
) -> None:
    good = {"query": "q", "answer": "a", "thought": "t"}
    rows = [
        good, {"query": 1, "answer": " \n"}, {"answer": "a"}, good | {"thought": 3}, [1],
        turns("q", "a"), good,
    ]  # fmt: skip
    with pytest.raises(DataError) as caught:
        load(rows, "rows.json")
    head, *lines, way_out = str(caught.value).split("\n")
    assert head.endswith("rows.json: 5 of 7 rows cannot be used:")
    assert lines == [
        "  row 2: field query: must be a string, not a number",
        "  row 2: field answer: empty",
        "  row 3: field query: missing",
        "  row 4: field thought: must be a string, not a number",
        "  row 5: must be an object, not a list",
        "  row 6: field query: missing",
        "  row 6: field answer: missing",
    ]
    assert "mend" in way_out and "--bad_rows" not in str(caught.value)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (turns("q", "<|begin_of_thought|> cut off"), "no answer, or a thought without an end"),
        (turns("q", "<think> cut off"), "no answer, or a thought without an end"),
        (turns(" ", "a"), "the question is empty"),
        (turns("q", "a", ("assistant", "user")), "not the turns assistant, user"),
        ({"conversations": turns("q", "a")["conversations"] * 2}, "not the turns user, assistant,"),
        ({"conversations": []}, "not the turns none"),
        ({"conversations": "q"}, "must be a list, not a string"),
        ({"conversations": ["q"]}, "conversations[1]: must be an object"),
        ({"conversations": [{"from": "user"}]}, "conversations[1].value: missing"),
    ],
)
def test_a_conversation_must_be_one_question_and_one_answer(
    load: Callable[..., TripletFile], row: Row, said: str
) -> None:
    with pytest.raises(DataError) as caught:
        load([turns("q", "a"), row])
    assert said in str(caught.value) and "1 of 2 rows" in str(caught.value)


def test_a_reply_without_tags_is_an_answer_without_a_thought(
    load: Callable[..., TripletFile],
) -> None:
    file = load([turns("q", "\nplain "), turns("q", TAGGED)], empty_thought="answer")
    assert texts(file)[0] == ("q", None, "\nplain ")


def test_columns_of_no_form_are_named_with_those_that_would_be_right(
    load: Callable[..., TripletFile],
) -> None:
    with pytest.raises(DataError, match=r"found: instruction, output\); a row has query, answer"):
        load([{"instruction": "q", "output": "a"}])


def test_answers_alone_are_fine_where_no_row_has_a_thought(
    load: Callable[..., TripletFile],
) -> None:
    file = load([{"query": "q", "answer": "a"}, {"query": "q", "answer": "b", "thought": " "}])
    assert (file.without_thought, len(file.triplets), file.dropped) == (2, 2, ())
    assert [one.thought for one in file.triplets] == [None, None]
    assert file.notices == ("no row has a thought; the answers are all there is to learn",)


THOUGHTS = [
    {"query": f"q{i}", "answer": "a", "thought": thought}
    for i, thought in enumerate(("t", "", "t", None, "\n"), 1)
]


def test_a_thought_that_some_rows_lack_is_refused_with_both_ways_out(
    load: Callable[..., TripletFile],
) -> None:
    with pytest.raises(DataError) as caught:
        load(THOUGHTS)
    for part in (
        "3 of 5 rows have no thought (row 2, row 4, row 5)",
        "--set data.creative.empty_thought=drop",
        "--set data.creative.empty_thought=answer",
    ):
        assert part in str(caught.value)


def test_rows_without_a_thought_can_be_dropped_and_counted(
    load: Callable[..., TripletFile],
) -> None:
    file = load(THOUGHTS, empty_thought="drop")
    assert [one.row for one in file.triplets] == [1, 3]
    assert file.dropped == ("row 2: no thought", "row 4: no thought", "row 5: no thought")
    assert (file.rows, file.without_thought) == (5, 0)


def test_rows_without_a_thought_can_stay_as_answers(load: Callable[..., TripletFile]) -> None:
    file = load(THOUGHTS, empty_thought="answer")
    assert [one.thought for one in file.triplets] == ["t", None, "t", None, None]
    assert (file.dropped, file.without_thought) == ((), 3)
    assert file.triplets[1].id == hashlib.sha256(b"q2\0\0a").hexdigest()


def test_repeated_rows_are_kept_for_the_draw_to_count(load: Callable[..., TripletFile]) -> None:
    file = load([{"query": "q", "answer": "a"}] * 3)
    assert [one.row for one in file.triplets] == [1, 2, 3]
    assert len({one.id for one in file.triplets}) == 1


@pytest.mark.parametrize(("name", "rows"), [("general_zh", 1399), ("general_en", 2075)])
def test_real_general_rows_are_read_to_the_letter(shared_data: Path, name: str, rows: int) -> None:
    path = shared_data / f"{name}.jsonl"
    file = read(path)
    theirs = [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n")[:-1]]
    assert texts(file) == [(one["query"], None, one["answer"]) for one in theirs]
    assert (file.rows, file.without_thought) == (rows, rows)
    assert file.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_the_real_record_of_coig_writer_is_a_whole_triplet(shared_data: Path) -> None:
    (one,) = read(shared_data / "coig_writer_samples.jsonl").triplets
    theirs = json.loads((shared_data / "coig_writer_samples.jsonl").read_text(encoding="utf-8"))
    assert (one.query, one.thought, one.answer) == (
        theirs["query"], theirs["thought"], theirs["answer"],
    )  # fmt: skip


def test_bad_rows_are_left_out_and_told_where_the_recipe_says_so(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text('{"query": "a", "answer": "b"}\n{"query": "", "answer": "c"}\n{"query": "d"}\n')
    with pytest.raises(DataError, match=r"2 of 3 rows [\s\S]*--set data.creative.bad_rows=drop"):
        load_triplets(TripletSource(file=str(file)), name="creative")
    read = load_triplets(TripletSource(file=str(file), bad_rows="drop"), name="creative")
    assert (len(read.triplets), read.rows, len(read.dropped)) == (1, 3, 2)
    assert any("2 bad rows were left out, the first: row 2" in said for said in read.notices)
