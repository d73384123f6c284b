"""`harness report` and `harness compare` as a user calls them."""

from __future__ import annotations

import csv
import io
import json

import pytest
from called import call, refusal
from click.testing import CliRunner

from harness.cli.compare import compare
from harness.cli.report import report
from harness.errors import DataError, UsageError

ROWS = [{"genre": "Fiction" if i % 2 else "Poetry", "chosen_model": "X"} for i in range(8)]


@pytest.fixture
def results(tmp_path, make_run):
    """results/ with two runs of one task and one of another."""
    top = tmp_path / "results"
    make_run(top / "demo_en" / "a-00000001", "ccccccrr", ROWS, model="a")
    make_run(top / "demo_en" / "b-00000002", "crcrcrcr", ROWS, model="b")
    make_run(top / "demo_zh" / "a-00000003", "cccc", ROWS[:4], model="a", task="demo_zh")
    return top


def test_a_folder_above_runs_shows_all_of_them_tasks_apart(results):
    shown = call(report, results)
    assert "demo_en (en): accuracy" in shown
    assert "demo_zh (en): accuracy" in shown
    assert "Fiction\n  a " in shown


def test_piped_output_has_no_escape_codes(results):
    assert "\x1b" not in call(report, results)


def test_a_run_given_twice_stands_once(results):
    rows = call(report, results, results / "demo_en" / "a-00000001", "--format", "csv")
    assert len(rows.splitlines()) == 1 + 3


def test_csv_is_a_row_a_run_with_stored_values(results):
    rows = list(csv.DictReader(io.StringIO(call(report, results, "--format", "csv"))))
    found = {(row["task"], row["run"]): float(row["accuracy"]) for row in rows}
    assert found[("demo_en", "a-00000001")] == 0.75
    assert found[("demo_en", "b-00000002")] == 0.5


@pytest.mark.parametrize("by", ["genre", "tag", "length", "gap", "source_model"])
def test_every_break_down_exists_in_every_form(results, by):
    assert call(report, results, "--by", by)
    assert "\n| " in call(report, results, "--by", by, "--format", "md")
    rows = list(csv.DictReader(io.StringIO(call(report, results, "--by", by, "--format", "csv"))))
    groups = json.loads(call(report, results, "--by", by, "--format", "json"))["groups"]
    assert len(rows) == len(groups) > 0
    assert {row["by"] for row in rows} == {by}


def test_out_writes_a_file_by_its_ending_and_nothing_to_stdout(results, tmp_path):
    out = tmp_path / "table.json"
    assert call(report, results, "--out", out) == ""
    assert len(json.loads(out.read_text())["runs"]) == 3
    assert [file.name for file in tmp_path.glob("*tmp*")] == []


def test_out_without_a_known_ending_is_plain_text(results, tmp_path):
    call(report, results, "--out", tmp_path / "table.txt")
    assert "\x1b" not in (tmp_path / "table.txt").read_text()


def test_out_in_a_folder_that_is_not_there_is_wrong_use(results, tmp_path):
    error = refusal(report, results, "--out", tmp_path / "no" / "t.md")
    assert isinstance(error, UsageError) and "--out" in str(error)


def test_a_path_that_does_not_exist_is_wrong_use(tmp_path):
    error = refusal(report, tmp_path / "no")
    assert isinstance(error, UsageError) and "no such run folder" in str(error)


def test_a_file_is_no_run_folder(results):
    error = refusal(report, results / "demo_en" / "a-00000001" / "results.json")
    assert isinstance(error, UsageError)


def test_a_folder_without_runs_is_an_error_naming_it(tmp_path):
    error = refusal(report, tmp_path)
    assert isinstance(error, DataError) and str(tmp_path) in str(error)


def test_an_unfinished_run_is_refused_alone_and_left_out_among_others(results):
    folder = results / "demo_en" / "b-00000002"
    (folder / "results.json").unlink()
    assert isinstance(refusal(report, folder), DataError)
    answer = CliRunner().invoke(report, [str(results), "--format", "csv"])
    assert len(answer.stdout.splitlines()) == 1 + 2
    assert "b-00000002" in answer.stderr


def test_a_run_that_is_under_way_again_is_left_out_among_others(results):
    folder = results / "demo_en" / "b-00000002"
    (folder / "manifest.json").write_text('{"status": "running"}')
    assert len(call(report, results, "--format", "csv").splitlines()) == 1 + 2


def test_results_without_a_key_are_named_not_crashed_on(results):
    folder = results / "demo_zh" / "a-00000003"
    (folder / "results.json").write_text('{"task": "demo_zh"}')
    assert "metrics" in str(refusal(report, folder))


@pytest.mark.parametrize("name", ["pairs.jsonl", "verdicts.jsonl"])
def test_a_finished_run_that_lost_a_file_is_named_with_the_way_out(results, name):
    folders = sorted((results / "demo_en").iterdir())
    (folders[0] / name).unlink()
    error = refusal(compare, *folders)
    assert isinstance(error, DataError)
    assert f"{folders[0]}: no {name} any more" in str(error) and "--fresh" in str(error)


def test_compare_says_in_words_what_it_found(results):
    shown = call(compare, *sorted((results / "demo_en").iterdir()))
    assert shown.rstrip().splitlines()[-1]
    assert "No difference can be told at 8 pairs" in shown.replace("\n", " ")


def test_compare_as_json_has_tests_genres_and_the_sentence(results):
    document = json.loads(call(compare, results / "demo_en", "--format", "json"))
    assert document["comparisons"][0]["difference"] == 0.25
    assert {row["genre"] for row in document["genres"]} == {"Fiction", "Poetry"}
    assert document["leaders"] == ["a", "b"]
    assert "No difference" in document["conclusion"]


def test_compare_as_csv_is_one_table(results):
    rows = list(csv.DictReader(io.StringIO(call(compare, results / "demo_en", "--format", "csv"))))
    assert [row["genre"] for row in rows] == ["", "Fiction", "Poetry"]
    assert float(rows[0]["difference"]) == 0.25


def test_compare_with_one_run_is_wrong_use(results):
    folder = results / "demo_en" / "a-00000001"
    assert isinstance(refusal(compare, folder, folder), UsageError)


def test_compare_refuses_runs_of_two_tasks(results):
    error = refusal(compare, results)
    assert isinstance(error, DataError) and "not over the same pairs" in str(error)
