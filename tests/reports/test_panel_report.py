"""`harness compare --panel`: several finished runs as one judge."""

from __future__ import annotations

import csv
import io
import json

import krippendorff
import numpy as np
import pytest
from click.testing import CliRunner
from rich.cells import cell_len

from harness.cli.compare import compare
from harness.errors import DataError, UsageError
from harness.reports.panel import make_panel
from harness.reports.panel_tables import agreement_table, member_table, panel_rows
from harness.stored import read_run

A = ["cc"] * 12 + ["cr"] * 4
B = ["cc"] * 6 + ["rr"] * 6 + ["cu"] * 4
C = "c" * 9 + "r" * 4 + "tee"
CODES = {"c": 0.0, "r": 1.0, "t": 2.0}


@pytest.fixture
def folders(tmp_path, make_run):
    """Three runs over 16 pairs of 8 prompts: two judges and a reward model."""
    rows = [{"cluster": i // 2, "genre": "Fiction" if i % 2 else "Poetry"} for i in range(16)]
    return [
        make_run(tmp_path / "r" / f"{name}-0000000{i}", outcomes, rows, model=name, judge=judge)
        for i, (name, outcomes, judge) in enumerate(
            [("a", A, "pairwise"), ("b", B, "pairwise"), ("c", C, None)]
        )
    ]


def panel(folders, **named):
    runs = [read_run(folder) for folder in folders]
    named = {"quorum": None, "seed": 0} | named
    return make_panel(runs, [run.results["model"]["name"] for run in runs], **named)


def call(*arguments):
    answer = CliRunner().invoke(compare, [str(a) for a in arguments], catch_exceptions=False)
    assert answer.exit_code == 0, answer.output
    return answer.stdout


def refusal(*arguments):
    answer = CliRunner().invoke(compare, [str(a) for a in arguments])
    assert answer.exception is not None
    return answer.exception


def test_the_panels_numbers_are_those_by_hand(folders):
    found = panel(folders)
    # pairs 0 to 8: two of three at least say chosen, in both orders; 9 to 11: b and c say rejected;
    # 12 to 15: a and b say chosen in the first order; in the second a says rejected, b nothing,
    # and c rejected (12), tie (13: one each, a tie), nothing (14, 15: under the quorum)
    metrics = found.results["metrics"]
    assert found.cells == 32 and found.quorum == 2
    values = [1.0] * 9 + [0.0] * 3 + [0.5] * 4
    assert metrics["accuracy"] == pytest.approx(np.mean(values))
    assert metrics["unparsed"] == 2 and metrics["ties"] == 1
    assert metrics["coverage"] == 30 / 32


def test_agreement_is_that_of_the_krippendorff_package(folders):
    found = panel(folders)
    both = [[CODES.get(letter, np.nan) for pair in run for letter in pair] for run in (A, B)]
    votes = np.array([*both, [CODES.get(letter, np.nan) for letter in C for _ in range(2)]])
    assert [row.members for row in found.agreements] == [(), (0, 1), (0, 2), (1, 2)]
    for row in found.agreements:
        rows = votes[list(row.members)] if row.members else votes
        expected = krippendorff.alpha(reliability_data=rows, level_of_measurement="nominal")
        assert row.alpha == pytest.approx(expected, abs=1e-12)
        assert row.ci95[0] <= row.alpha <= row.ci95[1]
    assert agreement_table(found).values("members") == ["all", "A - B", "A - C", "B - C"]


def test_the_panel_is_held_against_its_best_member_as_compare_would(folders):
    found = panel(folders)
    assert found.labels[found.best] == "a" and found.against_best.labels == ("panel of 3", "a")
    strict, half = found.against_best.tests.tests[0], found.as_half.tests.tests[0]
    assert strict.difference == pytest.approx(found.results["metrics"]["accuracy"] - 14 / 16)
    assert half.difference - strict.difference == pytest.approx(0.25 / 16 * 1)


def test_members_say_how_often_they_agree_with_the_panel(folders):
    table = member_table(panel(folders))
    assert table.values("letter") == ["A", "B", "C"]
    # a differs from the panel in pairs 9 to 11, in one cell of 13, and where there is no verdict
    assert table.values("with_panel")[0] == pytest.approx((32 - 6 - 1 - 2) / 32)


def test_the_order_of_the_runs_does_not_matter(folders):
    one, other = panel(folders), panel(folders[::-1])
    assert one.results["metrics"] == other.results["metrics"]
    assert one.agreements[0] == other.agreements[0]


def test_rows_in_another_order_are_matched_by_pair(tmp_path, make_run):
    ids = [{"pair_id": name, "cluster": i} for i, name in enumerate("abcd")]
    one = make_run(tmp_path / "a", ["cc", "cr", "rr", "tc"], ids)
    same = make_run(tmp_path / "b", ["cc", "cr", "rr", "tc"], ids)
    turned = make_run(tmp_path / "c", ["tc", "rr", "cr", "cc"], ids[::-1])
    assert panel([one, turned]).results["metrics"] == panel([one, same]).results["metrics"]
    assert panel([one, turned]).agreements[0].alpha == 1.0


def test_the_command_prints_rule_agreement_numbers_and_sentence(folders):
    shown = " ".join(call("--panel", *folders).split())
    assert "demo_en: panel of 3" in shown
    assert "under 2 valid votes there is no verdict" in shown
    assert "Krippendorff" in shown
    assert "demo_en (en): accuracy" in shown and "demo_en: order" in shown
    assert "panel of 3 less its best member, a" in shown
    assert "as wrong; with half a point for a tie:" in shown


@pytest.mark.parametrize("form", ["md", "csv", "json"])
def test_every_form_exists_and_goes_to_a_file(folders, tmp_path, form):
    out = tmp_path / f"panel.{form}"
    assert call("--panel", *folders, "--out", out) == ""
    assert out.read_text() == call("--panel", *folders, "--format", form)


def test_csv_has_a_row_for_the_panel_and_each_run(folders):
    rows = list(csv.DictReader(io.StringIO(call("--panel", *folders, "--format", "csv"))))
    assert [row["model"] for row in rows] == ["panel of 3", "a", "c", "b"]
    assert rows[0]["with_panel"] == "" and float(rows[1]["with_panel"]) > 0.5
    assert len(panel_rows(panel(folders)).rows) == 4


def test_json_holds_all_numbers_and_is_the_same_every_time(folders):
    text = call("--panel", *folders, "--format", "json")
    assert text == call("--panel", *folders, "--format", "json")
    found = json.loads(text)
    assert found["quorum"] == 2 and found["cells"] == 32 and found["best"] == "a"
    assert len(found["agreement"]) == 4 and found["agreement"][0]["first"] is None
    assert [row["ties"] for row in found["comparison"]] == ["wrong", "as half"]
    assert set(found["genres"]) == {"Fiction", "Poetry"}


def test_nothing_is_written_into_the_run_folders(folders):
    before = {path: path.stat().st_mtime_ns for path in folders[0].parent.rglob("*")}
    call("--panel", *folders)
    assert {path: path.stat().st_mtime_ns for path in folders[0].parent.rglob("*")} == before


def test_the_quorum_can_be_set(folders):
    strict = json.loads(call("--panel", *folders, "--quorum", "3", "--format", "json"))
    assert strict["quorum"] == 3
    assert strict["runs"][0]["unparsed"] == 4 + 4 - 2


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--panel", "--quorum", "4"], "--quorum 4: must be from 1 to the number of runs, 3"),
        (["--quorum", "2"], "--quorum is for --panel"),
    ],
)
def test_a_quorum_that_makes_no_sense_is_wrong_use(folders, arguments, words):
    error = refusal(*arguments, *folders)
    assert isinstance(error, UsageError) and words in str(error)


def test_a_panel_of_one_is_wrong_use(folders):
    error = refusal("--panel", folders[0], folders[0])
    assert isinstance(error, UsageError) and "a panel needs two different finished runs" in str(
        error
    )


def test_runs_over_other_pairs_are_refused_as_compare_does(folders, tmp_path, make_run):
    other = make_run(tmp_path / "other-9", "cr")
    error = refusal("--panel", folders[0], other)
    assert isinstance(error, DataError) and "not over the same pairs" in str(error)


def test_a_panel_fits_eighty_columns(tmp_path, make_run, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    name = "an-organisation/A-Judge-With-A-Very-Long-Name-70B-Instruct-v"
    runs = [make_run(tmp_path / str(i), A, model=f"{name}{i}", judge="pairwise") for i in range(3)]
    assert max(map(cell_len, call("--panel", *runs).splitlines())) <= 80


def test_judges_that_never_differ_have_alpha_one_or_none(tmp_path, make_run):
    mixed = [make_run(tmp_path / f"m{i}", ["cc", "rr"], model=f"m{i}") for i in range(2)]
    alike = [make_run(tmp_path / f"a{i}", ["cc", "cc"], model=f"a{i}") for i in range(2)]
    assert panel(mixed).agreements[0].alpha == 1.0
    assert panel(alike).agreements[0].alpha is None
    assert "-" in call("--panel", *alike)
