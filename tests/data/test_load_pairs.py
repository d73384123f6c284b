"""`load_pairs`: the one door of data."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.data import load_pairs
from harness.data.clusters import clusters
from harness.errors import DataError, UsageError
from harness.spec_files import load_named
from harness.specs import TaskSpec

Rows = Callable[..., dict[str, Any]]
Write = Callable[..., Path]

OWN_TASK = """
kind: preference
name: own
language: zh
source: {{reader: wpb, file: own.json{pins}}}
genres: {genres}
metrics: [accuracy]
"""


@pytest.fixture
def own_task(tmp_path: Path, make_row: Rows, write_rows: Write) -> Callable[..., TaskSpec]:
    """A task of the user's own, its data beside its YAML under tmp_path."""

    def make(pins: str = "", genres: str = "wpb_appendix_b") -> TaskSpec:
        write_rows([make_row(1), make_row(2)], "own.json")
        text = OWN_TASK.format(pins=pins, genres=genres)
        (tmp_path / "own.yaml").write_text(text, encoding="utf-8")
        return load_named("tasks", "own", TaskSpec, "task", (tmp_path,))

    return make


def test_a_file_of_ones_own_is_marked_as_replaced(
    wpb_zh: TaskSpec, make_row: Rows, write_rows: Write
) -> None:
    file = write_rows([make_row()], "mine.json")
    data = load_pairs(wpb_zh, file=file)
    assert (data.file, data.replaced, data.rows, len(data.pairs)) == ("mine.json", True, 1, 1)
    assert data.sha256 == hashlib.sha256(file.read_bytes()).hexdigest()
    assert data.pairs[0].genre == "Poetry"
    assert (data.notices, data.dropped) == ((), ())


def test_quirks_are_notices_not_errors(wpb_zh: TaskSpec, make_row: Rows, write_rows: Write) -> None:
    rows = [
        make_row(1, chosen_score=1),
        make_row(2, chosen_score=0),
        make_row(3, prompt=" / "),
        make_row(4),
        make_row(4),
        make_row(4, chosen_response="bad 4", rejected_response="good 4", chosen_score=None),
        make_row(5, chosen_response="bad  5 "),
        make_row(6, tag="Odd", note="x"),
    ]
    data = load_pairs(wpb_zh, file=write_rows(rows))
    assert len(data.pairs) == 8
    said = "\n".join(data.notices)
    assert len(data.notices) == 8
    for sentence in (
        "no part of the format were ignored: 'note' 1",
        "1 pair with equal human scores",
        "1 pair whose human scores contradict the label",
        "1 pair with a prompt under 5 characters",
        "1 pair repeating an earlier row",
        "3 pairs with the same two texts labelled both ways round",
        "1 pair whose two texts differ in white space alone",
        "count as Other: 1 (pairs: 1), 'Odd' 1",
    ):
        assert sentence in said


def test_dropped_rows_are_said_one_by_one(
    wpb_zh: TaskSpec, make_row: Rows, write_rows: Write
) -> None:
    file = write_rows([make_row(1), make_row(2, tag=1, prompt=2)])
    with pytest.raises(DataError, match="1 of 2 rows"):
        load_pairs(wpb_zh, file=file)
    (message,) = load_pairs(wpb_zh, file=file, bad_rows="drop").dropped
    assert message.startswith("row 2: field prompt: must be a string, not a number; field tag")


def test_a_file_that_is_not_there_is_wrong_use(wpb_zh: TaskSpec, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"--data wpb_zh=.*no such file"):
        load_pairs(wpb_zh, file=tmp_path / "nope")
    with pytest.raises(UsageError, match="a directory"):
        load_pairs(wpb_zh, file=tmp_path)


def test_a_genre_map_can_be_replaced(
    wpb_zh: TaskSpec, make_row: Rows, write_rows: Write, tmp_path: Path
) -> None:
    file = write_rows([make_row(tag="Odd")])
    own = tmp_path / "own_map.yaml"
    own.write_text("kind: genres\nname: own_map\ngenres: {Strange: [odd]}\n", encoding="utf-8")
    by_file = load_pairs(wpb_zh, file=file, genre_map=str(own))
    assert (by_file.pairs[0].genre, by_file.genre_map) == ("Strange", "own_map")
    by_name = load_pairs(wpb_zh, file=file, genre_map="own_map", include=(tmp_path,))
    assert by_name.genre_map_sha256 == by_file.genre_map_sha256
    assert load_pairs(wpb_zh, file=file, genre_map="tag").pairs[0].genre == "Odd"
    with pytest.raises(UsageError, match=r"--genre_map nope\.yaml: no such file"):
        load_pairs(wpb_zh, file=file, genre_map="nope.yaml")


def test_a_task_of_ones_own_finds_its_file_beside_its_yaml(
    own_task: Callable[..., TaskSpec], tmp_path: Path
) -> None:
    spec = own_task()
    for place in ({"include": (tmp_path,)}, {"home": tmp_path}):
        data = load_pairs(spec, **place)
        assert (data.file, data.replaced, len(data.pairs)) == ("own.json", False, 2)


def test_a_map_named_by_file_lies_beside_the_task(
    own_task: Callable[..., TaskSpec], tmp_path: Path
) -> None:
    (tmp_path / "m.yaml").write_text("kind: genres\nname: m\ngenres: {Verse: [诗歌]}\n")
    data = load_pairs(own_task(genres="m.yaml"), home=tmp_path)
    assert {pair.genre for pair in data.pairs} == {"Verse"}


def test_a_file_that_is_not_beside_the_yaml_says_where_it_was_sought(
    own_task: Callable[..., TaskSpec], tmp_path: Path
) -> None:
    spec = own_task()
    (tmp_path / "own.json").unlink()
    with pytest.raises(DataError, match=r"own: no file own\.json .*--data own=FILE"):
        load_pairs(spec, include=(tmp_path,))


def test_another_number_of_rows_than_expected_is_refused_with_both(
    own_task: Callable[..., TaskSpec], tmp_path: Path
) -> None:
    spec = own_task(pins=", expect: 3")
    with pytest.raises(DataError, match="has 2 rows, the task expects 3"):
        load_pairs(spec, home=tmp_path)
    assert len(load_pairs(spec, file=tmp_path / "own.json").pairs) == 2


def test_a_bundled_file_is_checked_where_its_sum_is_pinned(
    own_task: Callable[..., TaskSpec], tmp_path: Path
) -> None:
    spec = own_task(pins=f", sha256: {'ab' * 32}")
    with pytest.raises(DataError, match="sha256 expected abab"):
        load_pairs(spec, home=tmp_path)


@pytest.mark.parametrize("name", ["demo_zh", "demo_en"])
def test_the_demo_data_is_sound_and_balanced(name: str) -> None:
    data = load_pairs(load_named("tasks", name, TaskSpec, "task"))
    genres = Counter(pair.genre for pair in data.pairs)
    assert (len(genres), set(genres.values())) == (8, {8})
    assert data.notices == ()
    texts = [s.response for pair in data.pairs for s in (pair.chosen, pair.rejected)]
    assert max(map(len, texts)) <= 120


def test_the_real_chinese_pairs_have_the_known_facts(wpb_zh: TaskSpec, shared_data: Path) -> None:
    data = load_pairs(wpb_zh, file=shared_data / "wpb_pairs_zh_dev.jsonl")
    assert len(data.pairs) == 305
    assert len({pair.prompt for pair in data.pairs}) == 101
    assert int(clusters(data.pairs).max()) + 1 == 101
    assert len({pair.tag for pair in data.pairs}) == 51
    genres = Counter(pair.genre for pair in data.pairs)
    assert (genres["Functional Documents"], genres["Poetry"], genres["Other"]) == (69, 6, 0)


def test_importing_data_imports_nothing_heavy() -> None:
    code = (
        "import sys, harness.data; "
        "print([m for m in ('numpy', 'scipy', 'huggingface_hub', 'torch') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
