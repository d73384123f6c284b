"""Which tasks' texts training rows are held against, and from which files."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import constants
from planted import ENGLISH, PROMPT, RESPONSE, loaded, triplet
from rows import row, write_rows

from harness.bundled import bundled_dir
from harness.errors import DataError, UsageError
from harness.progress import Silent
from harness.specs import SftTraining
from harness.training.mixture.contamination import Hit, load_test_texts
from harness.training.recipe import load_recipe


@pytest.fixture
def no_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing has been fetched from the hub."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))


def records() -> list[dict[str, Any]]:
    return [
        row(PROMPT, RESPONSE, "另一篇写得不太好的小说，只有短短的这么一句话。", prompt_id="p1"),
        row(PROMPT, "又一篇，讲的是海雾里走失的一只羊和一个孩子。", RESPONSE, prompt_id="p1"),
        row("/", ENGLISH, "short", prompt_id="p2"),
    ]


def test_of_a_preference_task_prompts_and_both_responses_are_looked_for(tmp_path: Path) -> None:
    file = write_rows(tmp_path / "own.json", records())
    tests = loaded("contamination=demo_zh", f"contamination_data.demo_zh={file}")
    assert tests.names == ("demo_zh",)
    assert tests.n_texts == 7  # 2 prompts; 5 responses, one of them chosen here and rejected there
    assert tests.find(triplet(PROMPT)) == Hit("demo_zh", "p1", "exact", "prompt", 1.0)
    assert tests.find(triplet(answer=RESPONSE)) == Hit("demo_zh", "p1", "exact", "chosen", 1.0)
    assert tests.find(triplet(answer=ENGLISH)) == Hit("demo_zh", "p2", "exact", "chosen", 1.0)
    worse = triplet(answer="另一篇写得不太好的小说，只有短短的这么一句话")
    assert tests.find(worse) == Hit("demo_zh", "p1", "exact", "rejected", 1.0)


def test_of_a_writing_task_only_prompts_are_looked_for(tmp_path: Path) -> None:
    file = write_rows(tmp_path / "own.json", records())
    tests = loaded("contamination=demo_writing_zh", f"contamination_data.demo_writing_zh={file}")
    assert tests.n_texts == 1
    assert tests.find(triplet(PROMPT)) == Hit("demo_writing_zh", "p1", "exact", "prompt", 1.0)
    assert tests.find(triplet(answer=RESPONSE)) is None


@pytest.mark.parametrize("task", ["demo_zh", "demo_en", "demo_writing_zh", "demo_writing_en"])
def test_every_text_of_the_demos_own_tasks_is_found(task: str) -> None:
    tests = loaded(f"contamination={task}")
    file = f"demo_{task[-2:]}.json"
    for record in json.loads((bundled_dir("tasks") / file).read_text(encoding="utf-8")):
        assert tests.find(triplet(record["prompt"])) is not None
        answers = [triplet(answer=record[side]["response"]) for side in ("chosen", "rejected")]
        hits = [tests.find(answer) for answer in answers]
        expected = [None, None] if "writing" in task else ["exact", "exact"]
        assert [hit and hit.how for hit in hits] == expected


def test_a_text_of_several_tasks_is_found_in_the_first_by_name() -> None:
    tests = loaded("contamination=[demo_zh, demo_writing_zh]")
    prompt = json.loads((bundled_dir("tasks") / "demo_zh.json").read_text(encoding="utf-8"))[0]
    hit = tests.find(triplet(prompt["prompt"]))
    assert hit is not None and hit.task == "demo_writing_zh"


def test_facts_name_files_sums_and_counts_and_no_place(tmp_path: Path) -> None:
    file = write_rows(tmp_path / "own.json", [*records(), {"prompt": 3}])
    tests = loaded("contamination=demo_zh", f"contamination_data.demo_zh={file}")
    assert tests.facts() == {
        "tasks": {
            "demo_zh": {
                "file": "own.json",
                "sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
                "texts": 7,
                "bad_rows": 1,
            }
        },
        "texts": 7,
        "ngram": 13,
        "share": 0.5,
    }
    assert json.loads(json.dumps(tests.facts())) == tests.facts()


def test_rows_that_cannot_be_read_are_told(tmp_path: Path) -> None:
    class Heard(Silent):
        said = ""

        def notice(self, message: str) -> None:
            self.said += message

    file = write_rows(tmp_path / "own.json", [*records(), {"prompt": 3}])
    sets = "contamination=demo_zh", f"contamination_data.demo_zh={file}"
    heard = Heard()
    load_test_texts(load_recipe("demo", sets).spec, progress=heard)  # type: ignore[arg-type]
    assert heard.said == "contamination: demo_zh: own.json: rows that cannot be read: 1"


def test_none_is_held_against_nothing(no_cache: None) -> None:
    tests = loaded("contamination=none", "contamination_data.demo_zh=nowhere.json")
    assert (tests.names, tests.n_texts, tests.find(triplet(PROMPT))) == ((), 0, None)


def test_a_group_stands_for_its_tasks(tmp_path: Path) -> None:
    file = write_rows(tmp_path / "own.json", records())
    own = [f"contamination_data.wpb_{language}={file}" for language in ("zh", "en")]
    assert loaded("contamination=wpb", *own).names == ("wpb_zh", "wpb_en")
    assert loaded("contamination=demo_writing").names == ("demo_writing_zh", "demo_writing_en")


def test_all_tasks_that_are_not_at_hand_are_told_with_the_ways_out(no_cache: None) -> None:
    with pytest.raises(DataError) as error:
        loaded("contamination=[demo_zh, wpb, demo_en]")
    assert str(error.value) == (
        "contamination: the texts of wpb_zh, wpb_en are not at hand: harness data fetch wpb_zh "
        "wpb_en, or name a copy with --set contamination_data.wpb_zh=FILE, or do without: "
        "--set 'contamination=[demo_zh, demo_en]' (or none)"
    )
    with pytest.raises(DataError, match=r"or do without: --set contamination=none$"):
        loaded("contamination=[wpb]")


@pytest.mark.parametrize(
    ("sets", "told"),
    [
        (["contamination=[wbp_zh]"], "field contamination: unknown task 'wbp_zh': .* 'wpb_zh'"),
        (["contamination_data.demo_zhh=x"], "contamination_data: unknown .* 'demo_zhh': .*demo_zh"),
        (["contamination_data.wpb_zh=x"], "contamination_data: unknown task of contamination"),
        (["contamination_data.demo_zh=x.json"], r"demo_zh=\S*x.json: no such file"),
        (["contamination_data.demo_zh=/"], "demo_zh=/: a directory"),
    ],
)  # fmt: skip
def test_a_wrong_name_or_file_is_wrong_use(sets: Sequence[str], told: str) -> None:
    with pytest.raises(UsageError, match=told):
        loaded(*sets)


def test_a_file_without_a_good_row_is_refused_by_name(tmp_path: Path) -> None:
    file = write_rows(tmp_path / "own.json", [{"prompt": "a"}])
    with pytest.raises(DataError, match=r"^contamination: .*own\.json"):
        loaded(f"contamination_data.demo_zh={file}")


def test_a_file_of_a_recipe_lies_beside_it_or_where_the_user_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, here = tmp_path / "home", tmp_path / "here"
    for folder in (home, here):
        folder.mkdir()
    monkeypatch.chdir(here)
    write_rows(here / "own.json", records())
    spec = load_recipe("demo", ["contamination=demo_zh"]).spec
    own = spec.model_copy(update={"contamination_data": {"demo_zh": "own.json"}})
    assert isinstance(own, SftTraining)
    assert load_test_texts(own, home=home).n_texts == 7
    write_rows(home / "own.json", records()[:1])
    assert load_test_texts(own, home=home).n_texts == 3
    # by --set a file lies where the user stands, whatever lies beside the recipe
    sets = "contamination=demo_zh", "contamination_data.demo_zh=own.json"
    assert loaded(*sets, home=home).n_texts == 7
