"""`load_prompts`: the distinct prompts of a writing task, in each of the three forms."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.data import PromptSet, load_pairs, load_prompts
from harness.errors import DataError, UsageError
from harness.records import Prompt
from harness.spec_files import load_named
from harness.specs import TaskSpec, WritingSpec

Rows = Callable[..., dict[str, Any]]
Write = Callable[..., Path]
Load = Callable[..., PromptSet]


@pytest.fixture
def refusal(load: Load) -> Callable[..., str]:
    def of(rows: list[Any], **options: Any) -> str:
        with pytest.raises(DataError) as caught:
            load(rows, **options)
        return str(caught.value)

    return of


def ask(number: int, **changes: Any) -> dict[str, Any]:
    """A row of the form `prompts`."""
    return {"prompt_id": f"p{number}", "prompt": f"写一首诗 {number}", "tag": "诗歌", **changes}


def test_the_prompts_of_pairs_are_the_distinct_ones_in_order_of_the_file(
    load: Load, make_row: Rows, tmp_path: Path
) -> None:
    rows = [make_row(2), make_row(1), make_row(2, chosen_response="other")]
    found = load(rows)
    assert found.prompts == (
        Prompt("p2", "write 2", "诗歌", "Poetry", "zh"),
        Prompt("p1", "write 1", "诗歌", "Poetry", "zh"),
    )
    assert (found.reader, found.rows, found.replaced, found.notices) == ("wpb", 3, True, ())
    assert found.sha256 == hashlib.sha256((tmp_path / "rows.json").read_bytes()).hexdigest()
    assert (found.genre_map, len(found.genre_map_sha256 or "")) == ("wpb_appendix_b", 64)


def test_a_pair_that_is_bad_gives_no_prompt(
    load: Load, refusal: Callable[..., str], make_row: Rows
) -> None:
    rows = [make_row(1), make_row(2, chosen_response=" ")]
    assert "row 2: field chosen.response: empty" in refusal(rows)
    found = load(rows, bad_rows="drop")
    assert [prompt.prompt_id for prompt in found.prompts] == ["p1"]
    assert found.dropped == ("row 2: field chosen.response: empty",)


def test_rows_of_prompts_need_no_tag(load: Load) -> None:
    rows = [ask(1), ask(2, tag=None), {"prompt_id": 3, "prompt": " 写一首诗 3\n"}]
    found = load(rows, "prompts.jsonl")
    assert found.reader == "prompts"
    assert [(p.prompt_id, p.prompt, p.tag, p.genre) for p in found.prompts] == [
        ("p1", "写一首诗 1", "诗歌", "Poetry"),
        ("p2", "写一首诗 2", "", "Other"),
        ("3", " 写一首诗 3\n", "", "Other"),
    ]
    assert found.notices == ("prompts without a tag count as Other: 2",)


def test_the_queries_of_coig_writer_are_prompts(load: Load) -> None:
    rows = [
        {"id": "u1", "query": "写一篇散文。", "thought": "想", "answer": "文"},
        {"id": "u2", "query": "写一首诗歌。", "query_type": "诗歌", "link": "x"},
    ]
    found = load(rows)
    assert found.reader == "coig_writer"
    assert [(p.prompt_id, p.prompt, p.genre) for p in found.prompts] == [
        ("u1", "写一篇散文。", "Other"),
        ("u2", "写一首诗歌。", "Poetry"),
    ]
    assert "no part of the format were ignored: 'link' 1" in found.notices[0]


def test_a_record_without_an_id_is_known_by_the_hash_of_its_query(load: Load) -> None:
    (prompt,) = load([{"query": "写一篇散文。", "answer": "文"}]).prompts
    joined = "zh\0写一篇散文。".encode()
    assert prompt.prompt_id == hashlib.sha256(joined).hexdigest()[:16]


def test_a_single_record_on_one_line_is_a_file(coig_writer_zh: WritingSpec, tmp_path: Path) -> None:
    file = tmp_path / "one.jsonl"
    file.write_text('{"id": "u1", "query": "写一篇散文。"}\n', encoding="utf-8")
    assert len(load_prompts(coig_writer_zh, file=file).prompts) == 1


BAD = [
    (ask(2, prompt=None), "row 2: field prompt: must be a string, not null"),
    (ask(2, prompt="a\ud83d"), "row 2: field prompt: holds half of a surrogate pair"),
    (ask(2, prompt_id=" "), "row 2: field prompt_id: empty"),
    (ask(2, prompt_id=2.5), "row 2: field prompt_id: must be a string, not a number"),
    (ask(2, tag=["x"]), "row 2: field tag: must be a string, not a list"),
    ({"prompt": "写一首诗。"}, "row 2: field prompt_id: missing"),
    ({"text": "写一首诗。"}, "row 2: field prompt: missing"),
    ("写一首诗。", "row 2: must be an object, not a string"),
    ({"id": "u", "query": "q"}, "row 2: a row in the form 'coig_writer'; the file is read as"),
    ({"prompt": "p", "chosen": {}}, "row 2: a row in the form 'wpb'; the file is read as"),
]


@pytest.mark.parametrize(("row", "problem"), BAD)
def test_a_bad_row_of_prompts_is_named(
    coig_writer_zh: WritingSpec, tmp_path: Path, row: Any, problem: str
) -> None:
    file = tmp_path / "f.jsonl"
    file.write_text("\n".join(json.dumps(one) for one in (ask(1), row, ask(3))))
    with pytest.raises(DataError) as caught:
        load_prompts(coig_writer_zh, file=file)
    assert problem in str(caught.value)
    assert str(caught.value).startswith(f"{file}: 1 of 3 rows cannot be used:")
    assert len(load_prompts(coig_writer_zh, file=file, bad_rows="drop").prompts) == 2


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ({"id": "u", "query": 3}, "field query: must be a string, not a number"),
        ({"id": "", "query": "写一篇散文。"}, "field id: empty"),
        ({"query": "写一篇散文。", "query_type": 1}, "field query_type: must be a string"),
        (ask(1), "a row in the form 'prompts'; the file is read as 'coig_writer'"),
    ],
)
def test_a_bad_record_of_coig_writer_is_named(
    refusal: Callable[..., str], row: Any, problem: str
) -> None:
    good = {"id": "u1", "query": "写一篇散文。"}
    assert f"row 2: {problem}" in refusal([good, row, {**good, "id": "u3"}])


def test_a_file_is_read_in_the_form_of_most_of_its_rows(
    refusal: Callable[..., str], make_row: Rows
) -> None:
    said = refusal([ask(1), make_row(2), make_row(3)])
    assert "1 of 3 rows" in said and "row 1: field chosen: missing" in said


def test_a_file_of_nothing_known_names_what_is_missing(refusal: Callable[..., str]) -> None:
    said = refusal([{"a": 1}])
    assert "row 1: field prompt: missing" in said and "row 1: field prompt_id: missing" in said


def test_an_unknown_tag_is_told_by_prompts(load: Load) -> None:
    (notice,) = load([ask(1, tag="Odd"), ask(1, tag="Odd")]).notices
    assert "count as Other: 1 (prompts: 1), 'Odd' 1" in notice


def test_a_genre_map_can_be_replaced(load: Load) -> None:
    found = load([ask(1, tag="Odd"), ask(2, tag=None)], genre_map="tag")
    assert [prompt.genre for prompt in found.prompts] == ["Odd", "Other"]
    assert (found.genre_map, found.genre_map_sha256) == ("tag", None)


def test_a_file_that_is_not_there_is_wrong_use(coig_writer_zh: WritingSpec, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"--data coig_writer_zh=.*no such file"):
        load_prompts(coig_writer_zh, file=tmp_path / "nope")


def own_task(folder: Path, reader: str, pins: str = "") -> WritingSpec:
    """A task of the user's own, its data in rows.json beside it."""
    (folder / "own.yaml").write_text(
        "kind: writing\nname: own\nlanguage: zh\nmetrics: [length]\ngenres: wpb_appendix_b\n"
        f"source: {{reader: {reader}, file: rows.json{pins}}}\n"
    )
    return load_named("tasks", "own", WritingSpec, "task", (folder,))


def test_a_tasks_own_file_is_read_by_its_reader_whatever_its_keys(
    tmp_path: Path, write_rows: Write
) -> None:
    write_rows([ask(1)], "rows.json")
    found = load_prompts(own_task(tmp_path, "prompts"), home=tmp_path)
    assert (found.reader, found.file, found.replaced) == ("prompts", "rows.json", False)
    with pytest.raises(DataError, match="field chosen: missing"):
        load_prompts(own_task(tmp_path, "wpb"), home=tmp_path)


def test_a_tasks_own_file_is_held_to_its_pins(tmp_path: Path, write_rows: Write) -> None:
    file = write_rows([ask(1), ask(1)], "rows.json")
    assert load_prompts(own_task(tmp_path, "prompts", ", expect: 2"), home=tmp_path).rows == 2
    spec = own_task(tmp_path, "prompts", ", expect: 1")
    with pytest.raises(DataError, match="has 2 rows, the task expects 1"):
        load_prompts(spec, home=tmp_path)
    assert load_prompts(spec, file=file).rows == 2
    with pytest.raises(DataError, match="sha256 expected abab"):
        load_prompts(own_task(tmp_path, "prompts", f", sha256: {'ab' * 32}"), home=tmp_path)


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_demo_has_four_prompts_of_each_genre(language: str) -> None:
    spec = load_named("tasks", f"demo_writing_{language}", WritingSpec, "task")
    found = load_prompts(spec)
    genres = Counter(prompt.genre for prompt in found.prompts)
    assert (len(genres), set(genres.values())) == (8, {4})
    assert (found.notices, found.short_prompts) == ((), 0)


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_shipped_prompts_are_those_behind_the_shipped_pairs(language: str) -> None:
    for writing, pairs in (("coig_writer", "wpb"), ("demo_writing", "demo")):
        spec = load_named("tasks", f"{writing}_{language}", WritingSpec, "task")
        other = load_named("tasks", f"{pairs}_{language}", TaskSpec, "task")
        assert spec.source.model_dump() == other.source.model_dump()
        assert (spec.genres, spec.language) == (other.genres, other.language)


def test_the_real_pool_and_the_pairs_from_it_have_the_same_101_prompts(
    coig_writer_zh: WritingSpec, wpb_zh: TaskSpec, shared_data: Path
) -> None:
    pairs = load_pairs(wpb_zh, file=shared_data / "wpb_pairs_zh_dev.jsonl").pairs
    sets = [
        load_prompts(coig_writer_zh, file=shared_data / name)
        for name in ("wpb_pool_zh_dev.jsonl", "wpb_pairs_zh_dev.jsonl")
    ]
    assert [found.reader for found in sets] == ["prompts", "wpb"]
    assert [found.rows for found in sets] == [1_900, 305]
    known = {(pair.prompt_id, pair.prompt, pair.tag, pair.genre, "zh") for pair in pairs}
    for found in sets:
        assert len(found.prompts) == len(known) == 101
        assert {(p.prompt_id, p.prompt, p.tag, p.genre, p.language) for p in found.prompts} == known
        assert not found.short_prompts and not found.aliases and not found.dropped


def test_the_real_coig_writer_record_gives_its_query(
    coig_writer_zh: WritingSpec, shared_data: Path
) -> None:
    file = shared_data / "coig_writer_samples.jsonl"
    record = json.loads(file.read_text(encoding="utf-8"))
    (prompt,) = load_prompts(coig_writer_zh, file=file).prompts
    assert (prompt.prompt_id, prompt.prompt) == (record["id"], record["query"])
