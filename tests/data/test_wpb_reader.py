"""The reader of WritingPreferenceBench records."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Any

import pytest

from harness.data.wpb import Records, read_pairs
from harness.errors import DataError

Rows = Callable[..., dict[str, Any]]


def read(content: Any, **options: Any) -> Records:
    if not isinstance(content, bytes):
        content = json.dumps(content, ensure_ascii=False).encode("utf-8", "surrogatepass")
    defaults: dict[str, Any] = {"name": "FILE", "language": "zh", "genre_of": str.upper}
    return read_pairs(content, **{**defaults, **options})


def refusal(content: Any, **options: Any) -> str:
    with pytest.raises(DataError) as caught:
        read(content, **options)
    return str(caught.value)


def jsonl(rows: list[Any]) -> bytes:
    return "\n".join(json.dumps(row) for row in rows).encode()


def test_a_list_and_jsonl_of_the_same_rows_are_the_same_pairs(make_row: Rows) -> None:
    rows = [make_row(1), make_row(2)]
    assert read(rows).pairs == read(jsonl(rows)).pairs


def test_layout_does_not_matter(make_row: Rows) -> None:
    rows = [make_row(1), make_row(2)]
    plain = read(rows).pairs
    assert read(json.dumps(rows, indent=4).encode()).pairs == plain
    assert read(b"\xef\xbb\xbf" + json.dumps(rows).encode()).pairs == plain
    assert read(jsonl(rows).replace(b"\n", b"\r\n") + b"\r\n\r\n").pairs == plain


def test_a_line_separator_inside_a_text_does_not_end_a_jsonl_row(make_row: Rows) -> None:
    row = json.dumps(make_row(chosen_response="a\u2028b\x85c"), ensure_ascii=False)
    (pair,) = read(row.encode()).pairs
    assert pair.chosen.response == "a\u2028b\x85c"


def test_texts_are_kept_as_they_stand(make_row: Rows) -> None:
    (pair,) = read([make_row(prompt="  ask", chosen_response="\n told \n")]).pairs
    assert (pair.prompt, pair.chosen.response) == ("  ask", "\n told \n")
    assert (pair.tag, pair.genre, pair.language, pair.row) == ("诗歌", "诗歌", "zh", 1)


def test_the_pair_id_is_the_hash_of_language_prompt_id_and_both_texts(make_row: Rows) -> None:
    (pair,) = read([make_row()]).pairs
    joined = b"zh\0p1\0good 1\0bad 1"
    assert pair.pair_id == hashlib.sha256(joined).hexdigest()[:16]


def test_repeated_rows_are_all_kept_with_numbered_ids(make_row: Rows) -> None:
    ids = [pair.pair_id for pair in read([make_row(), make_row(), make_row(2), make_row()]).pairs]
    assert ids[1] == f"{ids[0]}-2"
    assert ids[3] == f"{ids[0]}-3"
    assert len(set(ids)) == 4


def test_score_and_model_may_be_null_or_absent(make_row: Rows) -> None:
    row = make_row(chosen_score=None, chosen_model=None)
    row["rejected"] = {"response": "bad"}
    (pair,) = read([row]).pairs
    for side in (pair.chosen, pair.rejected):
        assert (side.score, side.model) == (None, None)


def test_scores_may_be_whole_or_not(make_row: Rows) -> None:
    (pair,) = read([make_row(chosen_score=2.5, rejected_score=0)]).pairs
    assert (pair.chosen.score, pair.rejected.score) == (2.5, 0.0)


def test_a_prompt_id_may_be_a_whole_number(make_row: Rows) -> None:
    (pair,) = read([make_row(prompt_id=17)]).pairs
    assert pair.prompt_id == "17"


def test_unknown_keys_are_ignored_and_counted(make_row: Rows) -> None:
    records = read([make_row(note=1, chosen_mood="x"), make_row(2, note=2)])
    assert records.extra == {"note": 2, "chosen.mood": 1}


SPOILED = [
    ({"chosen_response": " \n\u3000"}, "field chosen.response: empty"),
    ({"chosen_response": None}, "field chosen.response: must be a string, not null"),
    ({"chosen_response": "bad 1"}, "field rejected.response: the same text as chosen.response"),
    ({"rejected": "text"}, "field rejected: must be an object, not a string"),
    ({"chosen_score": float("nan")}, "field chosen.score: NaN"),
    ({"chosen_score": float("-inf")}, "field chosen.score: not finite"),
    ({"chosen_score": 10**400}, "field chosen.score: not finite"),
    ({"chosen_score": "3"}, "field chosen.score: must be a number or null, not a string"),
    ({"chosen_score": True}, "field chosen.score: must be a number or null, not true or false"),
    ({"chosen_model": 4}, "field chosen.model: must be a string, not a number"),
    ({"tag": ["x"]}, "field tag: must be a string, not a list"),
    ({"prompt": 4}, "field prompt: must be a string, not a number"),
    ({"prompt_id": 1.5}, "field prompt_id: must be a string, not a number"),
    ({"prompt_id": False}, "field prompt_id: must be a string, not true or false"),
    ({"prompt_id": " "}, "field prompt_id: empty"),
]


@pytest.mark.parametrize(("changes", "problem"), SPOILED)
def test_a_bad_field_is_named_with_its_row(
    make_row: Rows, changes: dict[str, Any], problem: str
) -> None:
    said = refusal([make_row(1), make_row(1, **changes)])
    assert said.startswith("FILE: 1 of 2 rows cannot be used:\n")
    assert f"  row 2: {problem}" in said
    assert "--bad_rows drop" in said


@pytest.mark.parametrize("field", ["prompt", "prompt_id", "tag", "chosen", "rejected"])
def test_a_missing_field_is_named(make_row: Rows, field: str) -> None:
    row = make_row()
    del row[field]
    assert f"row 2: field {field}: missing" in refusal([make_row(2), row])


def test_a_missing_response_is_named(make_row: Rows) -> None:
    row = make_row()
    del row["rejected"]["response"]
    assert "row 1: field rejected.response: missing" in refusal([row])


def test_half_a_surrogate_pair_is_a_bad_row() -> None:
    sides = '"chosen": {"response": "\\ud83d!"}, "rejected": {"response": "b"}'
    said = refusal(b'[{"prompt": "p", "prompt_id": "1", "tag": "t", %s}]' % sides.encode())
    assert "row 1: field chosen.response: holds half of a surrogate pair" in said


def test_a_key_that_stands_twice_is_a_bad_row(make_row: Rows) -> None:
    text = json.dumps(make_row()).replace('"tag":', '"tag": "other", "tag":')
    assert "row 1: field tag: stands there twice" in refusal(text.encode())


def test_all_bad_rows_are_listed_at_once(make_row: Rows) -> None:
    said = refusal([make_row(prompt=1, tag=2), make_row(2), 5, make_row(chosen=[])])
    assert said.splitlines() == [
        "FILE: 3 of 4 rows cannot be used:",
        "  row 1: field prompt: must be a string, not a number",
        "  row 1: field tag: must be a string, not a number",
        "  row 3: must be an object, not a number",
        "  row 4: field chosen: must be an object, not a list",
        "mend them, or leave them out with --bad_rows drop",
    ]


def test_of_many_problems_fifty_are_shown_and_the_rest_counted(make_row: Rows) -> None:
    said = refusal([make_row(i, tag=None) for i in range(1_060)])
    assert "1,060 of 1,060 rows" in said
    assert sum(line.startswith("  row ") for line in said.splitlines()) == 50
    assert "  and 1,010 more" in said


def test_drop_leaves_bad_rows_out_and_says_which(make_row: Rows) -> None:
    records = read([make_row(1), make_row(2, tag=None), make_row(3)], bad_rows="drop")
    assert [pair.row for pair in records.pairs] == [1, 3]
    assert records.rows == 3
    assert records.bad == ("row 2: field tag: must be a string, not null",)


def test_drop_with_no_good_row_left_is_refused(make_row: Rows) -> None:
    assert refusal([make_row(tag=None)], bad_rows="drop").endswith("no good row is left")


def test_a_jsonl_line_that_is_not_json_is_a_bad_row_with_its_line(make_row: Rows) -> None:
    good, other = json.dumps(make_row(1)), json.dumps(make_row(2))
    said = refusal(f"{good}\n\noops\n{other}\n".encode())
    assert "  row 2 (line 3): not JSON (column 1)" in said
    kept = read(f"{good}\n\noops\n{other}\n".encode(), bad_rows="drop")
    assert [pair.row for pair in kept.pairs] == [1, 3]


def test_a_torn_last_line_is_a_bad_row(make_row: Rows) -> None:
    said = refusal(jsonl([make_row(1), make_row(2)])[:-20])
    assert "row 2: not JSON" in said
    assert "the line ends inside it" in said


WHOLE = [
    (b"", "FILE: empty file"),
    (b" \n\n", "FILE: empty file"),
    (b"[]", "FILE: the list holds no rows"),
    (b'{"data": []}', "JSON, but not a list of rows: an object with the keys 'data'"),
    (b'{\n "a": [\n  {"b": 1}\n ]\n}', "JSON, but not a list of rows: an object"),
    (b'"text"', "JSON, but not a list of rows: a string"),
    (b"prompt,tag\na,b", "neither a JSON list nor JSON Lines of objects; the first line"),
    ("标签".encode("gbk"), "FILE: not UTF-8 (byte 0)"),
    (b'{"prompt": "\xff', "FILE: not UTF-8 (byte 12)"),
    (b"\xef\xbb\xbf[\xff", "FILE: not UTF-8 (byte 4)"),
    ('{"a": 1}'.encode("utf-16"), "it looks like UTF-16"),
    (b"[" * 100_000, "nested too deep"),
    (b"[" + b"1" * 5_000 + b"]", "a number too long to be read"),
]


@pytest.mark.parametrize(("content", "problem"), WHOLE)
def test_a_file_that_holds_no_rows_is_refused_whole(content: bytes, problem: str) -> None:
    assert problem in refusal(content)


def test_a_list_cut_off_inside_a_row_names_the_row(make_row: Rows) -> None:
    text = json.dumps([make_row(1), make_row(2)])
    said = refusal(text[: text.index("bad 2")].encode(), bad_rows="drop")
    assert "the JSON list ends inside row 2 (line 1, column " in said
    assert "cut off" in said


def test_a_list_cut_off_between_rows_names_the_row_before(make_row: Rows) -> None:
    text = json.dumps([make_row(1), make_row(2)], indent=1)
    assert "the JSON list ends after row 2" in refusal(text.rstrip("]").encode())


def test_a_list_that_goes_wrong_names_row_line_and_column(make_row: Rows) -> None:
    text = "[\n" + json.dumps(make_row(1)) + ",\n {'prompt': 1}]"
    assert "not JSON inside row 2 (line 3, column 3)" in refusal(text.encode())


def test_something_after_the_list_is_refused(make_row: Rows) -> None:
    text = json.dumps([make_row(1)]) + "\n[]"
    assert "line 2, column 1: something stands after the end" in refusal(text.encode())
