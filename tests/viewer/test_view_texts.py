"""Pages of runs that wrote, and of arenas."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from rows import rows as pair_rows
from rows import write_rows
from viewed import Page, lines, pair_run
from written import texts, write_runs

from harness.arena import ArenaRequest, human_arena, judged_arena
from harness.errors import DataError, UsageError
from harness.request import RunRequest
from harness.viewer import view_page

PROMPTS = 4


@pytest.fixture
def folders(tmp_path: Path) -> list[Path]:
    """Two writers of four texts; one of the first one's is in the wrong language."""
    wrote = texts(["甲", "乙"], PROMPTS)
    wrote[0]["response"] = "rain fell like an old letter and someone crossed the bridge " * 4
    return [result.folder for result in write_runs(tmp_path, wrote, PROMPTS)]


def arena_of(folders: list[Path], out: Path) -> Path:
    asked = RunRequest(tasks=(), model="baseline:length", output_path=out)
    return judged_arena(ArenaRequest(runs=tuple(folders), asked=asked)).folder


def test_a_run_that_wrote_is_shown_text_by_text_with_its_flags(folders: list[Path]) -> None:
    one = next(f for f in folders if "甲" in f.name)
    page = Page(view_page(one))
    wrote = [line["text"] for line in lines(one / "texts.jsonl")]
    assert [page.texts(n) for n in range(PROMPTS)] == [[text] for text in wrote]
    assert "written in en" in page.items[0]["sides"][0]["flags"]
    assert page.facet("written in") == [["en"], ["zh"], ["zh"], ["zh"]]
    assert page.order("chars") == [len(text) for text in wrote]


def test_two_runs_that_wrote_stand_side_by_side(folders: list[Path]) -> None:
    page = Page(view_page(folders[0], folders[1]))
    both = [[line["text"] for line in lines(folder / "texts.jsonl")] for folder in folders]
    assert [page.texts(n) for n in range(PROMPTS)] == [list(two) for two in zip(*both, strict=True)]


def test_a_prompt_without_a_text_says_why(tmp_path: Path) -> None:
    [one] = write_runs(tmp_path, texts(["甲"], PROMPTS)[:-1], PROMPTS)
    side = Page(view_page(one.folder)).items[PROMPTS - 1]["sides"][0]
    assert side["text"] is None and side["note"].startswith("no text: ")
    assert side["flags"] == ["error"]


def test_an_arena_shows_both_texts_of_every_match(folders: list[Path], tmp_path: Path) -> None:
    arena = arena_of(folders, tmp_path / "out")
    page = Page(view_page(arena))
    by_run = {
        name: {line["prompt_id"]: line["text"] for line in lines(folder / "texts.jsonl")}
        for folder in folders
        for name in ("甲", "乙")
        if name in folder.name
    }
    verdicts = lines(arena / "verdicts.jsonl")
    assert len(page.items) == PROMPTS
    for number, verdict in enumerate(verdicts):
        names = verdict["run_a"], verdict["run_b"]
        assert page.texts(number) == [by_run[name][verdict["prompt_id"]] for name in names]
    assert page.marks == [verdict["outcome"] for verdict in verdicts]


def test_an_arena_whose_runs_are_gone_shows_verdicts_and_says_so(
    folders: list[Path], tmp_path: Path
) -> None:
    arena = arena_of(folders, tmp_path / "out")
    moved = tmp_path / "elsewhere" / "task"
    moved.mkdir(parents=True)
    shutil.move(next(f for f in folders if "甲" in f.name), moved)
    html = view_page(arena)
    assert "甲 not found below" in html and "--runs DIR" in html
    page = Page(html)
    assert {text is None for n in range(PROMPTS) for text in page.texts(n)} == {True, False}
    found = Page(view_page(arena, runs=tmp_path / "elsewhere"))  # and now the other one is not
    assert sum(text is None for n in range(PROMPTS) for text in found.texts(n)) == PROMPTS


def test_only_the_text_that_was_judged_is_shown(folders: list[Path], tmp_path: Path) -> None:
    arena = arena_of(folders, tmp_path / "out")
    path = next(f for f in folders if "甲" in f.name) / "texts.jsonl"
    text = lines(path)[1]["text"]
    path.write_text(path.read_text(encoding="utf-8").replace(text, text + "!"), encoding="utf-8")
    notes = [side["note"] for item in Page(view_page(arena)).items for side in item["sides"]]
    assert notes.count("the run holds another text than the one judged") == 1


def test_what_people_chose_is_shown_without_texts(tmp_path: Path) -> None:
    # a forced ranking a question, as COIG-Writer's annotation tool writes it
    rows = [
        {
            "sequence_number": number,
            "question_id": f"q{number}",
            "prompt": f"请写一写第{number}个雨夜的故事。",
            "ranked_responses": [
                {"rank": rank, "source_file": model, "my_response": model}
                for rank, model in enumerate(order, 1)
            ],
        }
        for number, order in enumerate(["AB", "BA"])
    ]
    file = write_rows(tmp_path / "li.json", rows)
    page = Page(view_page(human_arena([file], output_path=tmp_path / "out").folder))
    assert page.marks == ["a", "b"]
    assert page.items[0]["sides"][0]["note"] == "the text is not at hand"


def test_runs_of_two_kinds_do_not_go_together(folders: list[Path], tmp_path: Path) -> None:
    (tmp_path / "pairs").mkdir()
    judged, file = pair_run(tmp_path / "pairs", pair_rows(3))
    with pytest.raises(UsageError, match="of kind writing"):
        view_page(folders[0], judged)
    with pytest.raises(UsageError, match="holds its own texts"):
        view_page(folders[0], data={"wpb_zh": file})
    with pytest.raises(UsageError, match="--runs is for arenas"):
        view_page(judged, runs=tmp_path)


def test_what_is_no_finished_run_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="not a run folder"):
        view_page(tmp_path)
