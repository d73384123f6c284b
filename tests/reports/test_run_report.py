"""The tables with a row a model, the terminal summary and report.md."""

from __future__ import annotations

import json

import click
import pytest
from rich.cells import cell_len

from harness.reports import render_run, write_report
from harness.reports.overall import labels, make_entries, overall_table, overall_tables
from harness.reports.remarks import headline, remarks

GENRES = ("Fiction", "Promotional & Communication", "诗歌")
ROWS = [
    {
        "genre": GENRES[i % 3],
        "tag": f"标签-{i % 7}",
        "cluster": i // 2,
        "chosen_chars": 100 + 37 * i % 200,
        "rejected_chars": 180,
    }
    for i in range(60)
]
BOTH_ORDERS = ["cc", "cr", "rr", "tc", "cu"] * 12


def test_runs_are_told_apart_by_judge_and_then_by_folder():
    run = {"model": {"name": "m"}, "judge": None}
    judged = run | {"judge": {"name": "recipe"}}
    assert labels([("m-1", run), ("n-2", {"model": {"name": "n"}, "judge": None})]) == ["m", "n"]
    assert labels([("m-1", run), ("m-2", judged)]) == ["m", "m, recipe"]
    assert labels([("m-1", run), ("m-2", run)]) == ["m (1)", "m (2)"]


def test_runs_of_a_table_stand_best_first(make_results):
    runs = [("a-1", make_results("rr", model="a")), ("b-1", make_results("cr", model="b"))]
    assert overall_table(make_entries(runs)).values("model") == ["b", "a"]


def test_rows_over_different_pairs_are_said_to_be_so(make_results):
    runs = [("a-1", make_results("cr", model="a")), ("b-1", make_results("crr", model="b"))]
    notes = overall_tables(make_entries(runs))[0].notes
    assert notes[0].startswith("Not the same pairs in every row")


def test_order_columns_stand_only_where_a_run_has_both_orders(make_results):
    one = make_entries([("a-1", make_results("cr"))])
    both = make_entries([("a-1", make_results(["cc", "cr"]))])
    assert not any("order" in table.title for table in overall_tables(one))
    order = next(table for table in overall_tables(both) if "order" in table.title)
    assert order.values("consistency") == [0.5]


def test_the_headline_gives_accuracy_with_its_interval(make_results):
    said = headline(make_results("ccr" * 8))
    assert said.startswith("accuracy 66.7%, 95% interval [")
    assert "on 24 pairs" in said


def test_remarks_name_gold_ties_dropped_rows_and_pairs_left_out(make_results):
    results = make_results("ccr", gold_ties=1, dropped_rows=2, left_out=3)
    (said,) = [line for line in remarks(results) if line.startswith("Data:")]
    assert "1 gold tie" in said and "2 bad rows" in said and "3 pairs left out" in said


def test_remarks_say_what_failed_verdicts_could_have_changed(make_results):
    (said,) = [line for line in remarks(make_results("crue")) if line.startswith("Failures:")]
    assert "1 unparsed and 1 error" in said and "coverage 50.0%" in said and "[25.0, 75.0]" in said


@pytest.mark.parametrize(
    ("outcomes", "verdict"),
    [("c" * 40, "lies above all of them"), ("cr" * 20, "reaches down to a coin (50.0%)")],
)
def test_remarks_hold_the_model_against_coin_and_length(make_results, outcomes, verdict):
    assert any(verdict in line for line in remarks(make_results(outcomes)))


def test_a_null_is_not_held_against_itself(make_results):
    results = make_results("cr" * 20)
    results["model"]["backend"] = "baseline"
    assert not any(line.startswith("To be held against") for line in remarks(results))


def test_every_line_of_a_summary_fits_eighty_columns(make_results):
    name = "an-organisation/A-Reward-Model-With-A-Very-Long-Name-70B-v2.1"
    shown = render_run(make_results(BOTH_ORDERS, ROWS, model=name), width=80)
    lines = click.unstyle(shown).splitlines()
    assert max(map(cell_len, lines)) <= 80
    assert "…" not in shown
    assert all(genre in shown for genre in ("Fiction", "诗歌"))


def test_a_caller_may_add_notes_to_the_summary(make_results):
    assert "2 texts were odd" in render_run(make_results("cr"), notes=["2 texts were odd"])


def test_report_md_is_a_function_of_results_alone(make_results):
    results = make_results(BOTH_ORDERS, ROWS)
    again = json.loads(json.dumps(results, sort_keys=True))
    assert write_report(results) == write_report(again)


def test_report_md_has_genres_tags_and_remarks(make_results):
    report = write_report(make_results(BOTH_ORDERS, ROWS))
    assert report.startswith("# demo_en: m\n")
    for heading in ("## demo_en by genre", "## demo_en by tag", "## Remarks"):
        assert heading in report
    assert "| Promotional & Communication |" in report


def test_a_name_with_markup_stands_in_report_and_summary_as_it_is(make_results):
    results = make_results("ccr", model="[red]x|y\nz")
    assert "[red]x|y z" in click.unstyle(render_run(results))
    assert r"[red]x\|y z" in write_report(results)


def test_results_without_optional_metrics_still_make_a_report(make_results):
    results = make_results("ccr")
    results["metrics"] = {"accuracy": 2 / 3}
    assert "66.7%" in write_report(results)
