"""What a report says of a judge: its prompt, order, rules, repeats and its own family's texts."""

from __future__ import annotations

import click
import pytest
from rich.cells import cell_len

from harness.reports import render_run, write_report
from harness.reports.judge_tables import OWN_RULE, rule_table
from harness.reports.overall import Entry, make_entries, overall_table, overall_tables
from harness.reports.remarks import remarks
from harness.reports.render_rich import terminal_text
from harness.reports.report_tables import document
from harness.reports.sources import printed_sources, source_table

JUDGE = {
    "name": "rm_r1",
    "sha256": "1a2b3c4d" * 8,
    "kind": "pairwise",
    "orders": "both",
    "repeats": 1,
    "published_prompt": None,
}
OWN = {
    "family": "gpt",
    "models": ["X"],
    "n": 120,
    "clusters": 40,
    "picked_by_people": 0.4,
    "picked_by_model": 0.55,
    "favour": 0.15,
    "ci95": [0.05, 0.25],
    "balanced_favour": 0.12,
    "balanced_ci95": [0.02, 0.22],
    "accuracy_own_chosen": 0.8,
    "accuracy_own_rejected": 0.6,
}
RULE = {"accuracy": 0.5, "coverage": 0.9, "wilson95": [0.4, 0.6], "first_pick_rate": 0.6}
LONG = "an-organisation/A-Judge-With-A-Very-Long-Name-70B-Instruct-v2.1"


@pytest.fixture
def judged(make_results):
    """(outcomes, judge={}, metrics={}, **keys) -> results.json of a judge."""

    def make(outcomes, *, judge=None, metrics=None, model="m", **keys):
        results = make_results(outcomes, model=model)
        results["metrics"] |= metrics or {}
        return (
            results
            | {"judge": JUDGE | (judge or {}), "rules": None, "self_preference": None}
            | keys
        )

    return make


def said(results, start):
    """The one remark that begins so."""
    (line,) = [line for line in remarks(results) if line.startswith(start)]
    return line


def silent(results, start):
    return not any(line.startswith(start) for line in remarks(results))


def test_a_prompt_of_our_own_is_said_to_be_no_published_one(judged):
    line = said(judged(["cc", "cr"]), "Judge:")
    assert line.startswith("Judge: rm_r1 (pairwise, sha256 1a2b3c4d); the prompt is the file's own")
    assert "no published one" in line


def test_a_published_prompt_is_named(judged):
    line = said(judged(["cc"], judge={"published_prompt": "RM-R1, authors' own"}), "Judge:")
    assert "its prompt is a published one: RM-R1, authors' own." in line


@pytest.mark.parametrize(
    ("judge", "words"),
    [
        ({"kind": "pointwise", "orders": None}, "rates each text alone"),
        ({"orders": "seeded"}, "saw each pair in one order"),
    ],
)
def test_how_a_judge_was_asked_is_said(judged, judge, words):
    assert words in said(judged("cr", judge=judge), "Judge:")


def test_a_reward_model_has_no_remark_on_prompts(make_results):
    assert silent(make_results("cr", judge="plain"), "Judge:")


@pytest.mark.parametrize(
    ("outcomes", "words"),
    [
        (["cr"] * 4, "in 0.0%: it takes whatever is shown first; a coin would"),
        (["rc"] * 4, "in 0.0%: it takes whatever is shown second"),
        (
            ["cc"] * 3 + ["cr"],
            "62.5%, the outcome is the same in both orders in 75.0%, right in both in 75.0%",
        ),
        (["cc"] * 3 + ["cr"], "it leans to what is shown first; in 25.0% of the pairs the order"),
        (["cc"] * 3 + ["rr"], "in 100.0%, right in both in 75.0%."),
    ],
)
def test_position_bias_is_said_in_plain_words(judged, outcomes, words):
    assert words in said(judged(outcomes), "Order:")


def test_a_steady_judge_is_not_accused(judged):
    assert "order decides" not in said(judged(["cc"] * 9 + ["cr"]), "Order:")


def test_one_order_cannot_show_a_leaning_and_the_remark_says_so(judged):
    assert "cannot be seen" in said(judged("cr", judge={"orders": "seeded"}), "Order:")


def test_ties_of_ratings_are_given_as_a_share_and_only_once(judged):
    results = judged("ccttr", judge={"kind": "pointwise", "orders": None})
    assert "equal ratings in 40.0% of the comparisons" in said(results, "Ties:")
    assert "the accuracy is 60.0%" in said(results, "Ties:")
    assert silent(results, "Failures:")


def test_further_rules_stand_beside_the_files_own(judged):
    line = said(
        judged(["cc", "cu"], rules={"only_label": RULE, "tail_label": RULE}), "Verdict rules:"
    )
    assert "give 75.0% (coverage 75.0%) by the file's own rule" in line
    assert "only_label 50.0% (coverage 90.0%), tail_label 50.0% (coverage 90.0%)" in line


def test_repeats_are_said_where_there_are_any(judged):
    assert silent(judged("cr"), "Repeats:")
    many = {"repeats": 3, "majority_accuracy": 0.7, "repeat_agreement": 0.9, "repeat_std": 0.02}
    line = said(judged("cr", metrics=many), "Repeats:")
    assert "3 answers to each prompt" in line and "90.0%" in line and "70.0%" in line
    assert "SD of 2.0 points" in line


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "It favours its own."),
        ({"balanced_ci95": [-0.02, 0.22]}, "No favour can be told."),
        ({"balanced_ci95": [-0.22, -0.02]}, "It takes its own less often than its errors explain."),
        ({"clusters": 9}, "Too few clusters to tell anything."),
        ({"balanced_favour": None, "balanced_ci95": None}, "too one-sided or too little"),
    ],
)
def test_favour_for_ones_own_is_claimed_only_where_the_balance_shows_it(judged, changes, words):
    line = said(judged("cr", self_preference=OWN | changes), "Self-preference:")
    assert "in 120 pairs with one text by its own family (gpt)" in line
    assert (
        "it takes that text in 55.0%, people in 40.0% (+15.0, 95% interval [+5.0, +25.0])" in line
    )
    assert line.endswith(words) or words in line


def test_no_favour_is_claimed_without_a_decided_verdict(judged):
    assert silent(judged("tt", self_preference=OWN | {"favour": None}), "Self-preference:")


def test_rules_have_a_row_each_under_the_files_own(judged):
    results = judged(["cc", "cr"], rules={"only_label": RULE})
    table = rule_table([("m", "m-1", results)])
    assert table.values("rule") == [OWN_RULE, "only_label"]
    assert table.values("accuracy") == [0.75, 0.5]
    entry = Entry("m", "m-1", results, None)
    assert document([[entry]], "genre")["rules"].values("rule") == [OWN_RULE, "only_label"]


def test_tables_for_judges_stand_only_where_a_run_has_them(judged):
    titles = [t.title for t in overall_tables([Entry("m", "m-1", judged(["cc"]))])]
    assert titles == [
        "demo_en (en): accuracy",
        "demo_en: spread over genres",
        "demo_en: failures",
        "demo_en: order",
        "demo_en: length",
    ]
    many = {"repeats": 3, "majority_accuracy": 0.7, "repeat_agreement": 0.9, "repeat_std": 0.02}
    full = judged(["cc"], metrics=many, rules={"only_label": RULE}, self_preference=OWN)
    tables = {
        t.title: t
        for t in overall_tables([Entry("m", "m-1", full), Entry("n", "n-1", judged(["cr"]))])
    }
    assert tables["demo_en: repeats"].values("model") == ["m"]
    assert tables["demo_en: favour for its own family"].values("self_favour") == [0.15]
    assert [row[0] for row in tables["demo_en: verdict rules"].rows] == [
        "m",
        f"- {OWN_RULE}",
        "- only_label",
    ]


def test_csv_and_json_name_the_judge_and_its_favour(judged):
    results = judged(["cc"], self_preference=OWN)
    table = overall_table(make_entries([("m-1", results)]))
    for key, value in (
        ("judge", "rm_r1"),
        ("judge_sha256", JUDGE["sha256"]),
        ("judge_kind", "pairwise"),
        ("orders", "both"),
        ("self_family", "gpt"),
        ("self_n", 120),
        ("self_balanced_ci95", [0.02, 0.22]),
    ):
        assert table.values(key) == [value]


def test_every_table_of_a_judge_fits_eighty_columns(judged):
    many = {"repeats": 3, "majority_accuracy": 0.7, "repeat_agreement": 0.9, "repeat_std": 0.02}
    full = judged(
        ["cc", "cu", "rt"] * 40,
        metrics=many,
        rules={"only_label": RULE},
        self_preference=OWN,
        model=LONG,
    )
    shown = terminal_text(
        overall_tables([Entry(LONG, "x", full), Entry("short", "y", full)]), width=80
    )
    lines = click.unstyle(shown + render_run(full, width=80)).splitlines()
    assert max(map(cell_len, lines)) <= 80
    assert not any("…" in line for line in lines)
    # numbers stand whole: every row of figures has its interval
    assert sum("[+2.0, +22.0]" in line for line in lines) == 2 + 1


def test_report_md_of_a_judge_has_its_tables_and_remarks(judged):
    report = write_report(judged(["cc", "cr"], rules={"only_label": RULE}, self_preference=OWN))
    for words in (
        "## demo_en: verdict rules",
        "## demo_en: favour for its own family",
        "Judge: rm\\_r1",
    ):
        assert words.replace("\\", "") in report.replace("\\", "")


SIDES = [{"chosen_model": "X", "rejected_model": "Y"}, {"chosen_model": "Y", "rejected_model": "Z"}]


def test_sources_of_the_judges_own_family_are_marked(make_tables, judged):
    entry = Entry("m", "m-1", judged("cr", self_preference=OWN), lambda: make_tables("cr", SIDES))
    table = source_table([entry])
    assert table.values("group") == ["X", "Y", "Z"]
    assert table.values("own_family") == [True, False, False]
    for printed in printed_sources([entry]):
        assert printed.values("group") == ["X *", "Y", "Z"]
        assert printed.notes[-1] == "* a source of the judge's own family (gpt)."


def test_of_several_judges_the_mark_stands_at_the_judge(make_tables, judged):
    one = Entry("m", "m-1", judged("cr", self_preference=OWN), lambda: make_tables("cr", SIDES))
    other = Entry("n", "n-1", judged("cr"), lambda: make_tables("cr", SIDES))
    assert source_table([one, other]).values("own_family")[:2] == [True, None]
    sides, _ = printed_sources([one, other])
    assert [row[0] for row in sides.rows][:3] == ["X", "- m *", "- n"]


def test_without_a_known_family_nothing_is_marked(make_tables, judged):
    entry = Entry("m", "m-1", judged("cr"), lambda: make_tables("cr", SIDES))
    assert source_table([entry]).values("own_family") == [None, None, None]
    assert not any(
        "own family" in note for table in printed_sources([entry]) for note in table.notes
    )
