"""`harness report` on runs that wrote and arenas, as a user calls it; what is said of failures."""

from __future__ import annotations

import csv
import io
import json
from types import SimpleNamespace

import pytest
from called import call, refusal
from click.testing import CliRunner
from wrote import arena_folder, measured, writing_folder, written

from harness.cli.compare import compare
from harness.cli.notes import failure_notes
from harness.cli.report import report
from harness.errors import DataError, UsageError
from harness.records import Text, json_line

# the longer text has the higher score and the lower TTR; one pair is of equal length
SCORED = {
    "a": [{"ttr": 0.5, "chars": 900, "score": 3.0}, {"ttr": 0.7, "chars": 500, "score": 2.0}],
    "b": [{"ttr": 0.6, "chars": 500, "score": 1.0}, {"ttr": 0.6, "chars": 500, "score": 1.0}],
}
PAIR_ROWS = [{"genre": "Fiction"}] * 4


@pytest.fixture
def results(tmp_path):
    """results/ with two runs that wrote and an arena."""
    top = tmp_path / "results"
    for name, texts in SCORED.items():
        folder = top / "demo_writing_en" / f"{name}-0000000{name}"
        writing_folder(folder, measured(*texts), model=name)
    measures = {name: measured(*({**t, "prompt_id": f"q{n}"} for n, t in enumerate(texts))) for name, texts in SCORED.items()}  # fmt: skip
    arena_folder(top / "arena" / "01234567", {("a", "b"): "aab"}, measures=measures)
    return top


def rows(text):
    return list(csv.DictReader(io.StringIO(text)))


def test_runs_that_wrote_and_arenas_stand_in_one_report(results):
    shown = call(report, results)
    assert "demo_writing_en (en): length and TTR" in shown
    assert "arena 01234567: 2 runs, judged by a judge" in shown


def test_csv_of_runs_that_wrote_is_a_row_a_run(results):
    found = rows(call(report, results / "demo_writing_en", "--format", "csv"))
    assert [(row["model"], float(row["ttr"])) for row in found] == [("a", 0.6), ("b", 0.6)]
    assert float(found[0]["chars"]) == 700.0


def test_csv_of_an_arena_is_a_row_an_ordered_pair(results):
    found = rows(call(report, results / "arena", "--format", "csv"))
    assert [(row["run"], row["other"]) for row in found] == [("a", "b"), ("b", "a")]
    assert float(found[0]["win_rate"]) == pytest.approx(2 / 3)


def test_json_holds_runs_groups_and_arenas_as_stored(results):
    found = json.loads(call(report, results, "--format", "json"))
    assert [row["model"] for row in found["runs"]] == ["a", "b"]
    assert {row["group"] for row in found["groups"]} == {"Fiction"}
    assert found["arenas"][0]["arena"] == "01234567" and found["arenas"][0]["runs"] == ["a", "b"]


def test_csv_of_two_kinds_is_refused_with_the_way_out(results):
    error = refusal(report, results, "--format", "csv")
    assert isinstance(error, UsageError) and "--format json" in str(error)


@pytest.mark.parametrize("by", ["genre", "tag", "length"])
def test_every_break_down_of_texts_exists_in_every_form(results, by):
    runs = results / "demo_writing_en"
    assert "| " in call(report, runs, "--by", by, "--format", "md")
    found = rows(call(report, runs, "--by", by, "--format", "csv"))
    groups = json.loads(call(report, runs, "--by", by, "--format", "json"))["groups"]
    assert len(found) == len(groups) == 2
    assert {row["by"] for row in found} == {by}


@pytest.mark.parametrize("by", ["gap", "source_model"])
def test_a_break_down_of_pairs_is_refused_for_texts_with_the_way_out(results, by):
    error = refusal(report, results / "demo_writing_en", "--by", by)
    assert isinstance(error, UsageError) and "genre, tag, length" in str(error)


def test_kinds_without_a_break_down_are_left_out_and_named(results, make_run):
    make_run(results / "demo_en" / "p-00000001", "ccrr", PAIR_ROWS)
    answer = CliRunner().invoke(report, [str(results), "--by", "gap", "--format", "csv"])
    assert [row["by"] for row in rows(answer.stdout)] == ["gap"]
    assert "runs that wrote have no --by gap" in answer.stderr
    assert "arenas have no --by gap" in answer.stderr


def test_unfinished_runs_of_every_kind_are_named(results):
    for name, file in (("w", "prompts.jsonl"), ("v", "verdicts.jsonl")):
        (results / name).mkdir()
        (results / name / file).write_text("")
    answer = CliRunner().invoke(report, [str(results)])
    assert "not finished, left out:" in answer.stderr
    assert str(results / "w") in answer.stderr and str(results / "v") in answer.stderr


def test_texts_cannot_be_compared_pair_by_pair(results):
    error = refusal(compare, results / "demo_writing_en")
    assert isinstance(error, UsageError) and "harness arena" in str(error)


def test_diversity_is_held_against_scores_and_against_verdicts(results):
    found = rows(call(report, results, "--by", "diversity", "--format", "csv"))
    by_name = {(row["of"], row["measure"]): row for row in found}
    # p0: the better text has the lower TTR; p1: the higher one, at equal length
    ttr = by_name["demo_writing_en", "ttr"]
    assert (ttr["higher_wins"], ttr["n"]) == ("0.5", "2")
    assert (ttr["matched_higher_wins"], ttr["matched_n"]) == ("1.0", "1")
    assert by_name["demo_writing_en", "chars"]["higher_wins"] == "1.0"
    assert ("01234567", "ttr") in by_name


def test_diversity_in_words_has_length_as_a_row_of_its_own(results):
    shown = call(report, results, "--by", "diversity")
    order = ["TTR ", "MATTR-50 ", "MTLD ", "HD-D-42 ", "distinct-2 ", "words ", "characters "]
    places = [shown.index(f"\n{name}") for name in order]
    assert places == sorted(places)
    assert "50% is a coin" in shown and "In words:" in shown
    assert "\n| " in call(report, results, "--by", "diversity", "--format", "md")
    document = json.loads(call(report, results, "--by", "diversity", "--format", "json"))
    assert [one["of"] for one in document["diversity"]] == ["demo_writing_en", "01234567"]


def test_diversity_without_scores_says_what_is_needed(tmp_path):
    folder = writing_folder(tmp_path / "m-1", measured({}, {}))
    error = refusal(report, folder, "--by", "diversity")
    assert isinstance(error, UsageError)
    assert "no two texts for a prompt have unequal scores" in str(error)
    assert "name an arena" in str(error) and "`score`" in str(error)


def test_diversity_of_words_cut_by_two_rules_is_refused(results):
    folder = results / "demo_writing_en" / "c-0000000c"
    writing_folder(folder, measured(*SCORED["a"]), model="c", tokenizer={"en": "another"})
    error = refusal(report, results, "--by", "diversity")
    assert isinstance(error, DataError) and "--tokenizer" in str(error)


def result(folder, results):
    return SimpleNamespace(folder=folder, results=results, manifest={})


@pytest.fixture
def failed(tmp_path):
    text = Text("q", "t", "Fiction", "en", None, error="HTTP 500")
    (tmp_path / "texts.jsonl").write_text(json_line(text).rstrip("\n") + "\n")
    return tmp_path


def test_missing_texts_come_with_their_reasons_and_another_try(failed):
    said = failure_notes(result(failed, written(measured({"truncated": True}), missing=1)))
    assert said == [
        "1 text is missing (1 x HTTP 500); the same command again tries them once more",
        "1 text was cut off by the limit of tokens; a higher max_tokens in --gen_kwargs makes a "
        "run of its own, without cuts",
    ]


def test_texts_from_elsewhere_are_not_tried_again(failed):
    results = written(measured({}), missing=1)
    results["model"]["backend"] = "texts"
    assert failure_notes(result(failed, results)) == ["1 text is missing (1 x HTTP 500)"]


def test_failed_verdicts_of_an_arena_come_with_the_way_out(tmp_path):
    folder = arena_folder(tmp_path / "a", {("x", "y"): "aaue"})
    said = failure_notes(result(folder, json.loads((folder / "results.json").read_text())))
    assert said[0].startswith("1 verdict is an error") and said[1].startswith("1 verdict is unpars")
