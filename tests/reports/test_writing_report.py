"""What a run that wrote came to: headline, tables, remarks, report.md."""

from __future__ import annotations

import json

import click
import pytest
from rich.cells import cell_len
from wrote import measured, written

from harness.reports import render_run, write_report
from harness.reports.overall import make_entries
from harness.reports.writing_remarks import written_headline, written_remarks
from harness.reports.writing_tables import writing_table, writing_tables


def said_of(results, begin):
    """The remark that begins so."""
    (line,) = [line for line in written_remarks(results) if line.startswith(begin)]
    return line


def test_the_headline_has_texts_lengths_and_ttr():
    # mean and median of 500, 600 and 1,000; of 0.5, 0.6 and 0.7
    texts = measured({"chars": 500, "ttr": 0.5}, {"chars": 600}, {"chars": 1000, "ttr": 0.7})
    assert written_headline(written(texts)) == (
        "3 texts for 3 prompts, 700 characters on average (median 600); TTR 0.600 (median 0.600)"
    )


def test_the_headline_has_an_interval_from_ten_prompts_on():
    few, enough = (measured(*[{"ttr": 0.5 + n / 100} for n in range(size)]) for size in (9, 10))
    assert "interval" not in written_headline(written(few))
    assert "95% interval [0." in written_headline(written(enough))


def test_no_ttr_is_said_without_a_length_and_a_warning():
    line = said_of(written(measured({}, {})), "Diversity:")
    assert "TTR falls with the length" in line and "100 words" in line
    assert "MATTR-50 0.800, MTLD 81.2, HD-D-42 0.850" in line


def test_missing_texts_are_counted_and_said_to_count_nowhere():
    line = said_of(written(measured({}, {}, {}), missing=1), "Missing:")
    assert line == (
        "Missing: 1 of 4 texts, all of them errors; coverage 75.0%. They count in no number."
    )


def test_texts_in_another_language_come_with_the_ttr_of_the_others():
    texts = measured({"ttr": 0.5}, {"ttr": 0.7}, {"ttr": 0.9, "wrong_language": True})
    line = said_of(written(texts), "Language:")
    assert "1 of 3 texts (33.3%) is not in the language" in line
    assert "the TTR of the other 2 alone is 0.600" in line


def test_texts_cut_off_come_with_the_way_out():
    line = said_of(written(measured({"truncated": True}, {})), "Cut off:")
    assert "1 of 2 texts, by the limit of tokens (512)" in line and "--gen_kwargs" in line


def test_texts_that_others_cut_off_have_no_way_out():
    line = said_of(written(measured({"truncated": True}, {}), asked=None), "Cut off:")
    assert "--gen_kwargs" not in line and "whoever wrote them" in line


def test_refusals_empty_texts_loops_and_near_duplicates_are_counted():
    texts = measured(
        {"refusal": True},
        {"empty": True},
        {"runaway": True},
        {"near_duplicate": True},
        {"near_duplicate": True},
    )
    results = written(texts)
    assert said_of(results, "Not written:") == (
        "Not written: 1 of 5 texts is a refusal; 1 of 5 texts is empty."
    )
    assert said_of(results, "Repetition:") == (
        "Repetition: 1 of 5 texts is caught in a loop of words; 2 of 5 texts are near-duplicates "
        "of a text for another prompt."
    )


def test_texts_too_short_for_a_measure_are_counted_measure_by_measure():
    line = said_of(written(measured({}, {"hdd42": None})), "Too short")
    assert "HD-D-42 1, distinct-2 2 of 2 texts" in line


def test_prompts_left_out_are_said():
    data = {"short_prompts": 3, "left_out": 2, "dropped_rows": 1}
    line = said_of(written(measured({}), data=data), "Data:")
    assert "3 prompts of a few characters" in line and "2 prompts left out" in line
    assert "1 bad row dropped" in line


def test_a_run_without_faults_has_no_table_of_faults():
    (entry,) = make_entries([("m-1", written(measured({}, {})))])
    assert [table.title for table in writing_tables([entry])] == [
        "demo_writing_en (en): length and TTR",
        "demo_writing_en: variety of words",
    ]


def test_faults_that_nobody_has_are_no_column():
    runs = [("a-1", written(measured({"refusal": True}))), ("b-1", written(measured({})))]
    table = writing_tables(make_entries(runs))[-1]
    assert [column.key for column in table.columns] == ["model", "texts", "refusals"]


def test_runs_that_wrote_stand_by_name():
    runs = [(f"{name}-1", written(measured({}), model=name)) for name in "cab"]
    assert writing_table(make_entries(runs)).values("model") == ["a", "b", "c"]


def test_rows_cut_into_words_by_two_rules_are_said_to_be_so():
    other = {"en": "another rule"}
    runs = [
        ("a-1", written(measured({}), model="a")),
        ("b-1", written(measured({}), model="b", tokenizer=other)),
    ]
    notes = writing_tables(make_entries(runs))[0].notes
    assert any(note.startswith("Not the same words in every row") for note in notes)
    assert "b: Words match another rule." in notes


def test_rows_for_other_prompts_are_said_to_be_so():
    runs = [("a-1", written(measured({}), model="a")), ("b-1", written(measured({}, {})))]
    notes = writing_tables(make_entries(runs))[0].notes
    assert notes[0].startswith("Not the same prompts in every row")


NAME = "an-organisation/一个名字很长的模型-With-A-Very-Long-Name\x1b[31m\nv2.1"
GENRES = ("Fiction", "Promotional & Communication", "诗歌")


def many(**changes):
    return measured(*[{"genre": GENRES[n % 3], "chars": 12345, **changes} for n in range(36)])


def test_every_line_of_a_summary_fits_eighty_columns():
    faults = dict.fromkeys(("wrong_language", "empty", "truncated", "refusal", "runaway"), True)
    shown = click.unstyle(render_run(written(many(**faults), model=NAME, missing=2), width=80))
    assert max(map(cell_len, shown.splitlines())) <= 80
    assert "…" not in shown and "\x1b" not in shown
    assert all(genre in shown for genre in ("Fiction", "诗歌"))
    assert all(head in shown for head in ("TTR", "MTLD", "HD-D", "refusals", "runaway"))


def test_a_caller_may_add_notes():
    assert "2 texts were odd" in render_run(written(measured({})), notes=["2 texts were odd"])


def test_report_md_is_a_function_of_results_alone():
    results = written(many(), model=NAME)
    report = write_report(results)
    assert report == write_report(json.loads(json.dumps(results, sort_keys=True)))
    for heading in ("by genre: ", "by tag: ", "Remarks", "variety of words"):
        assert heading in report


@pytest.mark.parametrize("missing", [1, 5])
def test_a_run_without_any_text_has_a_report(missing):
    results = written([], missing=missing)
    assert f"0 texts for {missing} prompt" in render_run(results)
    assert "0 texts" in write_report(results)
    assert writing_tables(make_entries([("m-1", results)]))


def test_results_without_optional_metrics_still_make_a_report():
    results = written(measured({}))
    results["metrics"], results["tokenizer"] = {"ttr": 0.5}, None
    assert "TTR 0.500" in write_report(results) and "unknown tokenizer" in render_run(results)
