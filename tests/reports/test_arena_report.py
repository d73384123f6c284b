"""What an arena came to: who leads, the matrix, tests, genres, languages, people."""

from __future__ import annotations

import json

import click
import pytest
from rich.cells import cell_len
from wrote import arena, measured

from harness.reports import render_run, write_report
from harness.reports.arena_groups import (
    OUTSIDE,
    corrected_table,
    gap_table,
    genre_table,
    language_table,
    people_table,
)
from harness.reports.arena_remarks import arena_remarks, arena_title
from harness.reports.arena_standing import arena_headline, standing
from harness.reports.arena_tables import (
    matrix_tables,
    printed_pairs,
    printed_runs,
    run_table,
    tidy_pairs,
)

# x beats y and z on 20 prompts; y and z win 10 each
LED = {("x", "y"): "a" * 20, ("x", "z"): "a" * 20, ("y", "z"): "ab" * 10}
EVEN = {("x", "y"): "ab" * 10, ("x", "z"): "ab" * 10, ("y", "z"): "ab" * 10}


def test_one_run_that_beats_all_leads(tmp_path):
    results = arena(tmp_path, LED)
    assert arena_headline(results) == (
        "x leads: it beats every other run (Holm p < 0.05), at 20 prompts."
    )
    assert run_table(results).values("standing") == ["leads", "", ""]
    assert run_table(results).values("rank") == ["1", "2-3", "2-3"]


def test_runs_that_no_run_beats_are_tied(tmp_path):
    led = {("x", "y"): "ab" * 10, ("x", "z"): "a" * 20, ("y", "z"): "a" * 20}
    results = arena(tmp_path, led)
    assert arena_headline(results) == "x comes first; tied with it: y, at 20 prompts."
    assert run_table(results).values("standing") == ["tied for the lead"] * 2 + [""]


def test_where_nothing_can_be_told_nobody_leads(tmp_path):
    results = arena(tmp_path, EVEN)
    assert arena_headline(results) == (
        "No difference can be told between the 3 runs at 20 prompts."
    )
    assert "standing" not in [column.key for column in printed_runs(results).columns]


def test_in_a_circle_nobody_leads(tmp_path):
    circle = {("x", "y"): "a" * 20, ("x", "z"): "b" * 20, ("y", "z"): "a" * 20}
    results = arena(tmp_path, circle)
    assert arena_headline(results).startswith("Nobody leads: every run is beaten by another")
    assert standing(results).leaders == ()


def test_two_runs_are_told_with_rate_interval_and_p(tmp_path):
    results = arena(tmp_path, {("x", "y"): "a" * 15 + "b" * 5})
    # two-sided binomial of 15 in 20; Wilson of the same
    assert arena_headline(results) == (
        "x beats y in 75.0% of 20 comparisons, Wilson 95% [53.1, 88.8], p = 0.041, at 20 prompts."
    )


def test_against_a_baseline_runs_are_better_worse_or_neither(tmp_path):
    met = {("bad", "base"): "b" * 20, ("base", "good"): "b" * 20, ("base", "same"): "ab" * 10}
    results = arena(tmp_path, met, baseline="base")
    assert arena_headline(results) == (
        "Against base at 20 prompts: better: good; worse: bad; not to be told from it: 1 "
        "(Holm p < 0.05)."
    )
    assert "rank" not in [column.key for column in printed_runs(results).columns]


def test_the_matrix_is_row_against_column_best_first(tmp_path):
    (matrix,) = matrix_tables(arena(tmp_path, LED))
    assert matrix.rows == (
        ("A", "x", None, 1.0, 1.0),
        ("B", "y", 0.0, None, 0.5),
        ("C", "z", 0.0, 0.5, None),
    )


def everybody(n):
    names = [f"run{place:02}" for place in range(n)]
    return {(a, b): "ab" for place, a in enumerate(names) for b in names[place + 1 :]}


def test_a_wide_matrix_stands_in_blocks_with_every_cell_once(tmp_path):
    results = arena(tmp_path, everybody(11))
    first, second = matrix_tables(results)
    assert (len(first.columns), len(second.columns)) == (2 + 8, 2 + 3)
    assert second.title.endswith("I to K") and second.notes and not first.notes
    shown = click.unstyle(render_run(results, width=80))
    assert max(map(cell_len, shown.splitlines())) <= 80


def test_the_tests_of_very_many_pairs_are_said_to_stand_elsewhere(tmp_path):
    table = printed_pairs(arena(tmp_path, everybody(11)))
    assert not table.rows and "55 pairs" in table.notes[0] and "csv" in table.notes[0]


def test_every_two_runs_have_counts_and_both_p(tmp_path):
    table = printed_pairs(arena(tmp_path, LED))
    assert table.values("letters") == ["A - B", "A - C", "B - C"]
    assert [table.values(key) for key in ("n", "wins", "losses")] == [
        [20, 20, 20],
        [20, 20, 10],
        [0, 0, 10],
    ]
    # 2 * 0.5 ** 20, times three and two tests by Holm
    assert table.values("p")[0] == pytest.approx(2 * 0.5**20)
    assert table.values("p_holm")[0] == pytest.approx(6 * 0.5**20)


def test_prompts_that_several_people_judged_are_tested_as_wholes(tmp_path):
    table = printed_pairs(arena(tmp_path, {("x", "y"): "aab"}, people=("anna", "bo")))
    keys = [column.key for column in table.columns]
    assert "p_prompts" in keys and "p" not in keys and "wilson95" not in keys
    assert "several times" in table.notes[0]


def test_tidy_pairs_are_all_ordered_pairs(tmp_path):
    results = arena(tmp_path, LED)
    table = tidy_pairs("0123abcd", results, None)
    assert len(table.rows) == 6
    rates = dict(zip(zip(table.values("run"), table.values("other"), strict=True), table.values("win_rate"), strict=True))  # fmt: skip
    assert rates[("x", "y")] == 1.0 and rates[("y", "x")] == 0.0
    assert len(tidy_pairs("0123abcd", results, "genre").rows) == 2 * 6


def test_genres_have_mean_win_rates_and_small_ones_are_marked(tmp_path):
    table = genre_table(arena(tmp_path, LED))
    names = ["Genre 0", "- x", "- y", "- z", "Genre 1", "- x", "- y", "- z"]
    assert [row[0] for row in table.rows] == names
    # even prompts are a win of y over z, odd ones a loss
    assert table.values("win_rate")[:4] == ["", 1.0, 0.5, 0.0]
    assert table.values("underpowered")[0] is True
    assert any("ranks nothing" in note for note in table.notes)


def test_languages_are_shown_where_there_are_two(tmp_path):
    assert language_table(arena(tmp_path / "1", LED)) == []
    (table,) = language_table(arena(tmp_path / "2", LED, languages=("en", "zh")))
    assert [row[0] for row in table.rows] == ["en", "- x", "- y", "- z", "zh", "- x", "- y", "- z"]


def test_the_gap_is_seen_from_the_better_run(tmp_path):
    folder = tmp_path / "a"
    results = arena(folder, {("x", "y"): "b" * 8}, languages=("en", "zh"))
    (table,) = gap_table(results)
    # y, the better one, wins all in both
    assert [table.values(key) for key in ("letters", "zh", "en", "gap")] == [
        ["A - B"], [1.0], [1.0], [0.0],
    ]  # fmt: skip


def test_a_corrected_rate_stands_beside_the_raw_one(tmp_path):
    results = arena(tmp_path, {("x", "y"): "a" * 15 + "b" * 5}, judges={"en": (90, 10)})
    (table,) = corrected_table(results)
    # (0.75 + 0.9 - 1) / (2 * 0.9 - 1)
    assert table.values("win_rate") == [0.75]
    assert table.values("corrected") == [pytest.approx(0.8125)]
    assert "right in 90.0%" in table.notes[0] and "beside the raw rate" in table.notes[1]


def test_a_rate_beyond_its_bounds_is_marked(tmp_path):
    results = arena(tmp_path, {("x", "y"): "a" * 20}, judges={"en": (90, 10)})
    (table,) = corrected_table(results)
    assert table.values("outside") == [OUTSIDE]


def test_a_judge_no_better_than_a_coin_corrects_nothing_and_says_why(tmp_path):
    (table,) = corrected_table(arena(tmp_path, LED, judges={"en": (5, 5)}))
    assert table.rows == ()
    assert "not corrected: the judge may be no better than a coin" in table.notes[0]


def test_people_have_their_agreement(tmp_path):
    results = arena(tmp_path, {("x", "y"): "aabb"}, people=("anna", "bo"))
    (table,) = people_table(results)
    assert table.values("annotator") == ["anna", "bo"] and table.values("n") == [4, 4]
    assert "4 comparisons by two people or more: alpha 1.000" in table.notes[0]
    assert arena_title(results) == "arena: 2 runs, judged by 2 people"


def test_one_person_agrees_with_nobody(tmp_path):
    (table,) = people_table(arena(tmp_path, {("x", "y"): "aabb"}, people=("anna",)))
    assert "cannot be told" in table.notes[0]


def test_failed_verdicts_are_said_to_be_in_no_win_rate(tmp_path):
    results = arena(tmp_path, {("x", "y"): "aaue"})
    (line,) = [line for line in arena_remarks(results) if line.startswith("Failures:")]
    assert line == (
        "Failures: 1 unparsed and 1 error: coverage 50.0%. 2 comparisons of 4 are in no win rate."
    )


def test_what_order_did_is_said_in_words(tmp_path):
    results = arena(tmp_path, {("x", "y"): "ab ab ab ab"})
    (line,) = [line for line in arena_remarks(results) if line.startswith("Order:")]
    assert "first text shown wins in 100.0%" in line and "takes whatever is shown first" in line


def test_a_judge_that_plays_is_named(tmp_path):
    results = arena(tmp_path, LED, players=[{"name": "a judge", "runs": []}])
    assert any(line.startswith("Self-preference:") for line in arena_remarks(results))


def test_whether_diversity_wins_is_one_sentence(tmp_path):
    measures = {
        run: measured(*[{"prompt_id": f"q{n}", "ttr": ttr} for n in range(4)])
        for run, ttr in (("x", 0.7), ("y", 0.6))
    }
    results = arena(tmp_path, {("x", "y"): "aaab"}, measures=measures)
    (line,) = [line for line in arena_remarks(results) if line.startswith("Diversity:")]
    assert "higher TTR wins 75.0%" in line and "of 4, at equal length 75.0%" in line


def test_runs_on_no_common_scale_have_win_rates_alone(tmp_path):
    results = arena(tmp_path, {("a", "b"): "a" * 8, ("c", "d"): "a" * 8})
    table = printed_runs(results)
    assert "strength" not in [column.key for column in table.columns]
    assert table.notes[0].startswith("No strengths")
    assert matrix_tables(results)[0].rows[0][2:] == (None, None, 1.0, None)


def test_an_arena_in_which_all_failed_has_a_report(tmp_path):
    results = arena(tmp_path, {("x", "y"): "eue"})
    assert "have no valid verdict" in render_run(results)
    assert "no win rate" in write_report(results)


NAMES = sorted(("很长的模型名字" * 6, "b\x1b[31m\n|c", "c" * 70))


def test_odd_names_fit_eighty_columns_and_move_no_terminal(tmp_path):
    met = {(NAMES[0], NAMES[1]): "ab ba", (NAMES[0], NAMES[2]): "aa bb", (NAMES[1], NAMES[2]): "tt aa"}  # fmt: skip
    results = arena(tmp_path, met, languages=("en", "zh"), judges={"en": (9, 1)})
    shown = click.unstyle(render_run(results, width=80, notes=["a note"]))
    assert max(map(cell_len, shown.splitlines())) <= 80
    assert "…" not in shown and "\x1b" not in shown and shown.endswith("a note\n")


def test_report_md_of_an_arena_is_a_function_of_its_results_alone(tmp_path):
    results = arena(tmp_path, LED, languages=("en", "zh"), judges={"zh": (9, 1), "en": (9, 1)})
    report = write_report(results)
    assert report == write_report(json.loads(json.dumps(results, sort_keys=True)))
    assert report.startswith("# arena: 3 runs, judged by a judge\n")
    for heading in ("Win rate %", "Strength", "Every two runs", "By genre", "By language"):
        assert f"## {heading}" in report
