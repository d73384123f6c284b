"""Pages of runs over pairs: what they hold, where it comes from, and what is refused."""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path

import pytest
from rows import row, rows, write_rows
from scripted import Scripted
from viewed import HOSTILE, Page, folds, lines, pair_run, said

from harness.errors import DataError, UsageError
from harness.models.base import Completion, ModelSettings
from harness.request import RunRequest
from harness.runner import run
from harness.viewer import view_page
from harness.viewer.pack import LONGEST


def page_of(folder: Path, file: Path, other: Path | None = None) -> Page:
    return Page(view_page(folder, other, data={"wpb_zh": file}))


def test_every_pair_stands_with_both_texts_and_its_verdicts(tmp_path: Path) -> None:
    records = rows(250)
    page = page_of(*pair_run(tmp_path, records))
    assert len(page.items) == len(page.ids) == 250
    for number, record in enumerate(records):
        assert page.texts(number) == [record["chosen"]["response"], record["rejected"]["response"]]
        assert page.strings[page.items[number]["prompt"]] == record["prompt"]
    assert page.marks == ["cr"] * 250  # always the first shown: right once, wrong once
    assert [side["preferred"] for side in page.items[0]["sides"]] == [True, False]


def test_a_string_that_stands_twice_is_held_once(tmp_path: Path) -> None:
    page = page_of(*pair_run(tmp_path, [row("p", "a", "b"), row("p", "a", "c")]))
    assert page.strings == ["p", "a", "b", "c"]


def test_the_last_line_of_a_verdict_is_shown_with_answer_and_reasoning(tmp_path: Path) -> None:
    folder, file = pair_run(tmp_path, rows(3))
    changed = {"outcome": "tie", "raw": "[[C]]", "reasoning": "so and so", "attempt": 2}
    said(folder, 1, **changed)
    page = page_of(folder, file)
    assert page.marks == ["ct", "cr", "cr"]
    answers = page.items[0]["panels"][0]["answers"]
    assert folds(answers, page) == {"answer": "[[C]]", "reasoning": "so and so"}
    assert ["attempt", "2"] in answers[1]["facts"]


def test_outcome_order_and_length_can_be_filtered_by(tmp_path: Path) -> None:
    folder, file = pair_run(
        tmp_path, [row("p", "ab", "c"), row("q", "a", "bc"), row("r", "a", "b")]
    )
    said(folder, 1, outcome="chosen")  # the first pair: right in both orders
    said(folder, 4, outcome="unparsed", reason="no label")
    said(folder, 5, outcome="error", reason="503")  # the last one: no verdict at all
    page = page_of(folder, file)
    assert page.facet("outcome") == [["chosen"], ["mixed"], ["no verdict"]]
    assert page.facet("orders") == [["same"], ["flips with the order"], []]
    assert page.facet("failures") == [[], [], ["error", "unparsed"]]
    assert page.facet("longer text") == [["chosen"], ["rejected"], ["neither"]]
    assert page.order("length of chosen less rejected") == [1, -1, 0]


def test_a_scorer_is_shown_with_margins_and_the_score_of_each_text(tmp_path: Path) -> None:
    page = page_of(
        *pair_run(tmp_path, [row("p", "ab", "c"), row("q", "a", "bcd")], "baseline:length")
    )
    assert page.order("margin") == [1.0, -2.0]
    assert ["scored by baseline:length", "2"] in page.items[0]["sides"][0]["facts"]


def test_two_judges_stand_side_by_side_and_where_they_differ_comes_first(tmp_path: Path) -> None:
    records = [row("p", "ab", "c"), row("q", "a", "bc")]
    one, file = pair_run(tmp_path, records, "baseline:length")
    two, _ = pair_run(tmp_path, records, "baseline:shorter")
    said(two, 1, outcome="rejected")  # as the other one said
    page = page_of(one, file, two)
    assert page.marks == ["c|r", "r|r"]
    assert page.facet("judges") == [["differ"], ["agree"]]
    assert page.index["order"] == "difference between the judges"
    assert page.order("difference between the judges") == [1.0, 0.0]
    titles = [panel["title"] for panel in page.items[0]["panels"]]
    assert titles == ["baseline:length", "baseline:shorter"]


def test_another_file_than_the_run_read_is_refused(tmp_path: Path) -> None:
    folder, _ = pair_run(tmp_path, rows(4))
    other = write_rows(tmp_path / "other.json", rows(4, seed=1))
    with pytest.raises(
        DataError, match=r"(?s)not the file that .* read .*--data wpb_zh=FILE"
    ) as caught:
        view_page(folder, data={"wpb_zh": other})
    assert hashlib.sha256(other.read_bytes()).hexdigest() in str(caught.value)


def test_a_run_of_a_file_of_its_own_asks_for_that_file(tmp_path: Path) -> None:
    folder, _ = pair_run(tmp_path, rows(4))
    with pytest.raises(DataError, match=r"file of its own, pairs.json; .*--data wpb_zh=FILE"):
        view_page(folder)


def test_data_of_another_task_is_refused(tmp_path: Path) -> None:
    folder, file = pair_run(tmp_path, rows(4))
    with pytest.raises(UsageError, match="the run is of wpb_zh"):
        view_page(folder, data={"wpb_en": file})


def test_a_run_of_a_shipped_task_finds_its_texts_by_itself(tmp_path: Path) -> None:
    asked = RunRequest(tasks=("demo_en",), model="baseline:length", output_path=tmp_path, limit=5)
    [done] = run(asked)
    page = Page(view_page(done.folder))
    assert page.ids == [line["pair_id"] for line in lines(done.folder / "pairs.jsonl")]


def test_a_pair_that_the_file_lacks_is_told(tmp_path: Path) -> None:
    folder, file = pair_run(tmp_path, rows(3))
    lost = lines(folder / "pairs.jsonl")[0]["pair_id"]
    path = folder / "pairs.jsonl"
    path.write_text(path.read_text(encoding="utf-8").replace(lost, "f" * 16), encoding="utf-8")
    with pytest.raises(DataError, match=r"1 of its 3 pairs are not in .*f{16}"):
        page_of(folder, file)


def test_nothing_hostile_stands_outside_the_packed_parts(tmp_path: Path) -> None:
    record = row(HOSTILE, HOSTILE + "1", HOSTILE + "2", tag=HOSTILE, prompt_id=HOSTILE)
    record["chosen"]["model"] = HOSTILE
    folder, file = pair_run(tmp_path, [record, *rows(3)])
    strange = folder.rename(folder.parent / "<img src=x onerror=alert(1)>\u202e")
    named = file.rename(tmp_path / "<script>alert(1)<!---->.json".replace("/", ""))
    said(strange, 0, raw=HOSTILE, reasoning=HOSTILE)
    html = view_page(strange, data={"wpb_zh": named})
    outside = re.sub(r">[A-Za-z0-9+/=]{40,}</script>", "></script>", html)
    assert "owned" not in outside and "onerror" not in outside and "\u202e" not in outside
    assert outside.count("<script>") == 1 and Page(html).texts(0)[0] == HOSTILE + "1"


def test_the_policy_allows_the_one_script_and_style_and_nothing_else(tmp_path: Path) -> None:
    html = page_of(*pair_run(tmp_path, rows(3))).html
    [policy] = re.findall(r'Content-Security-Policy" content="([^"]*)"', html)
    rules = dict(rule.strip().split(" ", 1) for rule in policy.replace("&#39;", "'").split(";"))
    for name, tag in (("script-src", "script"), ("style-src", "style")):
        [inside] = re.findall(rf"<{tag}>(.*?)</{tag}>", html, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(inside.encode()).digest()).decode()
        assert rules.pop(name) == f"'sha256-{digest}'"
    assert rules == {"default-src": "'none'", "base-uri": "'none'", "form-action": "'none'"}
    assert not re.search(r"https?://|\son\w+=|style=", html)


def test_the_same_run_gives_the_same_page(tmp_path: Path) -> None:
    folder, file = pair_run(tmp_path, rows(120))
    assert page_of(folder, file).html == page_of(folder, file).html


def test_a_text_beyond_all_measure_is_cut_and_says_so(tmp_path: Path) -> None:
    page = page_of(*pair_run(tmp_path, [row("p", "x" * (LONGEST + 5), "b")]))
    [long] = [text for text in page.strings if text.startswith("xx")]
    assert long == "x" * LONGEST + "\n[cut here: 5 more characters]"


def test_a_judge_that_rates_texts_is_shown_with_a_rating_beside_each_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = Scripted(lambda asked: Completion("2" if "好文" in asked.messages[-1].content else "1"))
    monkeypatch.setattr("harness.executors.open_model", lambda *_: model)
    file = write_rows(tmp_path / "pairs.json", [row("写一段", "好文一篇", "平文一篇")])
    [done] = run(
        RunRequest(
            tasks=("wpb_zh",),
            model="openai:scripted",
            data={"wpb_zh": file},
            settings=ModelSettings(judge="rubric"),
            output_path=tmp_path / "out",
        )
    )
    page = page_of(done.folder, file)
    ratings = [side["answers"] for side in page.items[0]["sides"]]
    assert [["score", "2"] in one["facts"] for [one] in ratings] == [True, False]
    assert [folds(one, page) for one in ratings] == [{"answer": "2"}, {"answer": "1"}]
    assert page.order("margin") == [1.0]
