"""`read_human`: people's judgements from any number of files -> the verdicts of an arena."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.data.rankings import read_human
from harness.errors import DataError, UsageError
from harness.records import ArenaVerdict

Write = Callable[..., Path]

HEAD = "prompt_id,model_a,model_b,choice"


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """A file: CSV from text, JSON from anything else."""

    def to(name: str, content: Any) -> Path:
        text = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    return to


def ranking(question: str, best_first: str, **more: Any) -> dict[str, Any]:
    ranked = [{"rank": i, "source_file": model} for i, model in enumerate(best_first, 1)]
    return {"question_id": question, "ranked_responses": ranked, "language": "zh", **more}


def outcomes(verdicts: tuple[ArenaVerdict, ...]) -> list[tuple[str, str, str, str | None, str]]:
    return [(v.run_a, v.run_b, v.prompt_id, v.annotator, v.outcome) for v in verdicts]


def test_every_choice_is_a_verdict_with_the_runs_in_order_of_names(write: Write) -> None:
    found = read_human([write("ann.json", [ranking("q1", "cab", tag="诗歌")])])
    assert outcomes(found.verdicts) == [
        ("a", "b", "q1", "ann", "a"),
        ("a", "c", "q1", "ann", "b"),
        ("b", "c", "q1", "ann", "b"),
    ]
    assert found.verdicts[0] == ArenaVerdict(
        "a", "b", "q1", "诗歌", "Poetry", "zh", None, "a", annotator="ann"
    )
    assert (found.runs, found.annotators, found.prompts) == (("a", "b", "c"), ("ann",), {"q1": ""})
    assert found.notices == ()


def test_a_turned_tie_is_a_tie(write: Write) -> None:
    file = write("x.csv", f"{HEAD},language\np1,y,x,tie,en\np2,y,x,b,en\np3,y,x,a,en\n")
    assert [v.outcome for v in read_human([file]).verdicts] == ["tie", "a", "b"]


def test_rankings_and_choices_go_together(write: Write) -> None:
    files = [
        write("one.json", [ranking("p1", "ab", tag="散文")]),
        write("two.csv", f"{HEAD}\np1,a,b,b\n"),
    ]
    found = read_human(files)
    assert outcomes(found.verdicts) == [
        ("a", "b", "p1", "one", "a"),
        ("a", "b", "p1", "two", "b"),
    ]
    assert {(v.tag, v.genre, v.language) for v in found.verdicts} == {("散文", "Non-Fiction", "zh")}
    assert [(one.name, one.rows) for one in found.files] == [("one.json", 1), ("two.csv", 1)]
    assert found.files[0].sha256 == hashlib.sha256(files[0].read_bytes()).hexdigest()


def test_the_annotator_of_a_row_goes_before_the_files(write: Write) -> None:
    file = write("x.csv", f"{HEAD},annotator,language\np1,a,b,a,ann,en\np1,a,b,b,,en\n")
    assert read_human([file]).annotators == ("ann", "x")


def test_files_of_one_name_are_told_apart_by_their_folders(write: Write) -> None:
    name = "ranked_results_all.json"
    files = [
        write(f"ann/{name}", [ranking("q1", "ab")]),
        write(f"bob/{name}", [ranking("q1", "ba")]),
    ]
    assert read_human(files).annotators == ("ann/ranked_results_all", "bob/ranked_results_all")


def test_the_last_of_a_files_repeats_counts_and_is_told(write: Write) -> None:
    file = write("x.csv", f"{HEAD},language\np1,x,y,a,en\np1,y,x,a,en\np2,x,y,tie,en\n")
    found = read_human([file])
    assert [v.outcome for v in found.verdicts] == ["b", "tie"]
    assert "choices made again by the same annotator: 1; the last one counts" in found.notices


def test_an_annotator_cannot_judge_the_same_in_two_files(write: Write) -> None:
    files = [
        write("one.json", [ranking("q1", "ab", annotator="ann")]),
        write("two.json", [ranking("q1", "ba", annotator="ann")]),
    ]
    with pytest.raises(DataError) as caught:
        read_human(files)
    assert "two.json: 1 of 1 rows cannot be used" in str(caught.value)
    assert "row 1: annotator 'ann' judged 'a' and 'b' for 'q1' in " in str(caught.value)


def test_neither_the_order_of_files_nor_that_of_rows_moves_anything(write: Write) -> None:
    rows = [ranking("q1", "ab"), ranking("q2", "cab"), ranking("q3", "bc")]
    one = write("one.json", rows)
    two = write("two.csv", f"{HEAD}\nq1,a,b,b\n")
    found = read_human([one, two])
    turned = read_human([two, write("one.json", rows[::-1])])
    assert (turned.verdicts, turned.sha256) == (found.verdicts, found.sha256)
    assert read_human([one]).sha256 != found.sha256


def test_the_sum_moves_with_whatever_is_read(write: Write) -> None:
    def total(name: str = "x.json", **more: Any) -> str:
        return read_human([write(name, [ranking("q1", "ab", **more)])]).sha256

    assert total() == total(sequence_number=3, prompt="写一首诗。")
    others = [
        total("y.json"), total(tag="诗歌"), total(genre="Poetry"), total(language="en"),
        total(annotator="z"),
    ]  # fmt: skip
    assert len({total(), *others}) == 6


def test_a_prompt_has_one_text_tag_genre_and_language(write: Write) -> None:
    good = ranking("q1", "ab", prompt="写一首诗。", tag="诗歌", genre="G")
    for field, other in (("tag", "散文"), ("genre", "H"), ("language", "en")):
        file = write("x.json", [good, {**good, "annotator": "z", field: other}])
        with pytest.raises(DataError) as caught:
            read_human([file])
        first = good[field]
        assert f"row 2: field {field}: '{other}', but '{first}' in {file}: row 1" in str(
            caught.value
        )
    file = write("x.json", [good, ranking("q1", "ab", annotator="z", prompt="写一篇散文。")])
    with pytest.raises(DataError, match="row 2: field prompt: another text than in"):
        read_human([file])
    file = write("x.json", [good, ranking("q1", "ab", annotator="z", prompt=" 写一首诗。\n")])
    assert len(read_human([file]).verdicts) == 2


def test_what_one_row_says_of_a_prompt_holds_for_all(write: Write) -> None:
    file = write("x.csv", f"{HEAD},annotator,tag,language\np1,a,b,a,y,,\np1,a,b,b,z,诗歌,zh\n")
    assert {(v.tag, v.genre, v.language) for v in read_human([file]).verdicts} == {
        ("诗歌", "Poetry", "zh")
    }


def test_a_genre_goes_before_the_tags_and_an_unknown_tag_is_told(write: Write) -> None:
    rows = [
        ranking("q1", "ab", tag="诗歌", genre="Own"),
        ranking("q2", "ab", tag="Odd"),
        ranking("q3", "ab"),
    ]
    found = read_human([write("x.json", rows)])
    assert [v.genre for v in found.verdicts] == ["Own", "Other", "Other"]
    assert "prompts without a tag or a genre count as Other: 1" in found.notices
    assert any("count as Other: 1 (prompts: 1), 'Odd' 1" in one for one in found.notices)


def test_the_language_is_the_rows_then_the_prompts_then_the_callers(write: Write) -> None:
    rows = [
        ranking("q1", "ab", prompt="请写一首关于春天的现代诗，语言简洁。"),
        ranking("q2", "ab", prompt="Write a short story about a lighthouse keeper.", language=None),
        ranking("q3", "ab", prompt="请写一首关于春天的现代诗，语言简洁。", language=None),
        ranking("q4", "ab", prompt="12345", language=None),
    ]
    rows[0]["language"] = "en"
    file = write("x.json", rows)
    found = {v.prompt_id: v.language for v in read_human([file], language="zh").verdicts}
    assert found == {"q1": "en", "q2": "en", "q3": "zh", "q4": "zh"}
    with pytest.raises(UsageError) as caught:
        read_human([file])
    assert "the language of 1 prompts (such as 'q4')" in str(caught.value)
    assert "--language" in str(caught.value)


def test_all_bad_rows_of_all_files_come_in_one_message(write: Write) -> None:
    files = [
        write("one.json", [ranking("q1", "ab"), ranking("q2", "a")]),
        write("two.csv", f"{HEAD}\nq1,a,b,c\nq1,a,b,a\n"),
    ]
    with pytest.raises(DataError) as caught:
        read_human(files)
    said = str(caught.value)
    assert f"{files[0]}: 1 of 2 rows cannot be used:\n  row 2: field ranked_responses" in said
    assert f"{files[1]}: 1 of 2 rows cannot be used:\n  row 1 (line 2): field choice" in said


def test_a_file_is_there_and_given_once(write: Write, tmp_path: Path) -> None:
    file = write("x.json", [ranking("q1", "ab")])
    copy = write("y.json", [ranking("q1", "ab")])
    for files, said in (
        ([tmp_path / "nope.json"], "nope.json: no such file"),
        ([tmp_path], "a directory"),
        ([file, file], "the same contents as"),
        ([file, copy], "the same contents as"),
    ):
        with pytest.raises(UsageError, match=said):
            read_human(files)


def test_unread_keys_are_told_with_the_file(write: Write) -> None:
    found = read_human([write("x.csv", f"{HEAD},mood,language\np,a,b,a,x,en\n")])
    assert found.notices[0] == ("x.csv: keys that are no part of the format were ignored: 'mood' 1")


def test_rankings_of_the_papers_size_rebuild_their_counts(write: Write) -> None:
    # 128 of 204 questions rank the one model first: 62.75 % of the published matrix
    rows = [ranking(f"q{i}", "xy" if i < 128 else "yx") for i in range(204)]
    verdicts = read_human([write("x.json", rows)]).verdicts
    assert sum(v.outcome == "a" for v in verdicts) == 128 and len(verdicts) == 204


def answered(best_first: str, **responses: str) -> list[dict[str, Any]]:
    return [
        {"rank": i, "source_file": model, "my_response": responses[model]}
        for i, model in enumerate(best_first, 1)
    ]


def test_texts_that_stand_in_rankings_are_kept_by_model_as_they_are(write: Write) -> None:
    row = {"question_id": "q1", "prompt": "请写一写雨夜。", "tag": "诗歌"}
    ranked = answered("ba", a=" 雨\n", b="")
    found = read_human([write("ann.json", [row | {"ranked_responses": ranked}])])
    assert [(run, text.prompt_id, text.genre, text.text) for run, text in found.responses] == [
        ("a", "q1", "Poetry", " 雨\n"),
        ("b", "q1", "Poetry", ""),
    ]
    assert found.prompts == {"q1": "请写一写雨夜。"}


def test_two_annotators_who_saw_other_texts_of_a_model_are_refused(write: Write) -> None:
    row = {"question_id": "q1", "prompt": "请写一写雨夜。"}
    files = [
        write(f"{name}.json", [row | {"ranked_responses": answered("ab", a=text, b="灯")}])
        for name, text in (("li", "雨"), ("wang", "雪"))
    ]
    with pytest.raises(DataError, match=r"another text of 'a' than in .*li\.json"):
        read_human(files)
