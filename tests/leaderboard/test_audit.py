"""The audit: it finds what cannot be in the papers' tables and accuses no clean one."""

from __future__ import annotations

import json
import random
import statistics
from dataclasses import replace
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from fractions import Fraction
from typing import Any

import pytest

from harness.bundled import bundled_dir
from harness.leaderboard.audit import audit, fails, findings_json, findings_table
from harness.leaderboard.audit_findings import Finding
from harness.leaderboard.published import (
    Published,
    PublishedArena,
    PublishedRow,
    PublishedTable,
    read_published,
)
from harness.reports.render_md import markdown

GENRES = tuple("ABCDEFGH")
MAPS = {
    "zh": ((120, 105, 47, 184, 109, 11, 11, 13), (107, 118, 59, 172, 109, 11, 11, 13)),
    "en": ((261, 208, 104, 345, 205, 25, 23, 29), (242, 227, 128, 321, 205, 25, 23, 29)),
}


def shipped(board: str) -> Published:
    return read_published(bundled_dir("leaderboards") / board / "published.json")


def of_kind(findings: list[Finding], *kinds: str) -> list[tuple[str, str, float, int]]:
    return [(f.row, f.cell, f.value, f.n) for f in findings if f.finding in kinds]


def table(*rows: PublishedRow, counts: tuple[int, ...] = (20, 10), name: str = "") -> Published:
    one = PublishedTable(
        name or "table1_reward_models", "zh", GENRES[: len(counts)], counts, tuple(rows)
    )
    return Published("a paper", tables=(one,))


def row(*cells: float | None, avg: float | None = None, std: float | None = None) -> PublishedRow:
    return PublishedRow("one", "reward", cells, avg, std)


def test_exactly_the_seven_known_cells_of_the_published_tables_are_impossible() -> None:
    found = audit(shipped("wpb_zh")) + audit(shipped("wpb_en"))
    assert sorted(of_kind(found, "impossible_cell")) == [
        ("Claude-4-Sonnet-thinking", "Poetry", 50.0, 25),
        ("Claude-4-Sonnet-thinking", "Scriptwriting", 31.8, 23),
        ("RM-R1-DeepSeek-Qwen-14B", "Funny", 66.7, 109),
        ("RM-R1-DeepSeek-Qwen-14B", "Poetry", 90.0, 11),
        ("RM-R1-DeepSeek-Qwen-7B", "Funny", 54.4, 205),
        ("RM-R1-Qwen2.5-7B", "Funny", 72.9, 205),
        ("RM-R1-Qwen2.5-7B", "Scriptwriting", 85.9, 23),
    ]
    assert fails(found)


def test_the_two_rows_that_share_seven_of_eight_cells_are_found_and_no_others() -> None:
    found = of_kind(audit(shipped("wpb_en")) + audit(shipped("wpb_zh")), "repeat")
    assert found == [
        ("nvidia/AceMath-7B-RM", "row", 7, 8),
        ("Skywork-Reward-Gemma-2-27B", "row", 7, 8),
    ]


def test_the_average_of_the_pasted_row_would_have_to_be_46_5() -> None:
    [found] = [f for f in audit(shipped("wpb_en")) if f.finding == "impossible_average"]
    assert (found.row, found.cell, found.value) == ("nvidia/AceMath-7B-RM", "avg", 46.8)
    assert "come to 46.5 (47.1" in found.detail


def test_a_cell_says_what_counts_come_nearest_and_when_fewer_pairs_explain_it() -> None:
    found = {(f.row, f.cell): f.detail for f in audit(shipped("wpb_en"))}
    script = found["Claude-4-Sonnet-thinking", "Scriptwriting"]
    assert "30.4 (7), 34.8 (8)" in script and script.endswith("7 of 22 would")
    assert "82.6 (19), 87.0 (20)" in found["RM-R1-Qwen2.5-7B", "Scriptwriting"]


def test_most_published_sds_are_neither_that_of_the_population_nor_of_the_sample() -> None:
    found = [f for f in audit(shipped("wpb_zh")) if f.finding == "std"]
    ace = next(f for f in found if f.row == "nvidia/AceMath-7B-RM")
    assert ace.detail.startswith("the SD of the printed cells is 12.6 (population) or 13.4")
    # 15.4 is the population SD of this row
    english = [f.row for f in audit(shipped("wpb_en")) if f.finding == "std"]
    assert "DeepSeek-R1" not in english and "nvidia/AceMath-7B-RM" in english


def test_nothing_is_wrong_with_the_published_win_rates() -> None:
    assert audit(shipped("coig_writer_zh")) == audit(shipped("coig_writer_en")) == []


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (54.5, None),  # 6 of 11 is 54.5454...
        (54.6, "suspicious"),  # by way of 54.55
        (54.4, "impossible_cell"),  # further than 0.1
        (100.0, None),
        (100.1, "impossible_cell"),
        (-0.1, "impossible_cell"),
        (63.6, None),  # 7 of 11 is 63.6363...
        (63.5, "impossible_cell"),
        (27.2, "suspicious"),  # 3 of 11 is 27.27..., cut off
        (0, None),
    ],
)
def test_a_cell_over_eleven_pairs_is_judged_by_its_nearest_count(
    value: float, kind: str | None
) -> None:
    found = audit(table(row(value), counts=(11,)))
    assert [f.finding for f in found] == ([kind] if kind else [])


def test_a_tenth_is_too_far_although_binary_numbers_say_otherwise() -> None:
    # the limit is open, so 10.1 is not 1 of 10; yet 10.1 - 10 < 0.1 in floats
    found = audit(table(row(50.1, 10.1), counts=(10, 10)))
    assert [f.finding for f in found] == ["impossible_cell", "impossible_cell"]


def test_a_half_may_be_rounded_up_or_to_even() -> None:
    # 1 of 16 is 6.25, 3 of 16 is 18.75
    for cells in ((6.3, 18.8), (6.2, 18.8)):
        assert audit(table(row(*cells), counts=(16, 16))) == []


def test_a_cell_that_only_the_other_tables_pairs_give_is_not_impossible() -> None:
    first = table(row(33.3, 50.0), counts=(4, 2)).tables[0]
    other = replace(first, name="table2_llm_judges", counts=(3, 3), rows=())
    assert of_kind(audit(Published("a paper", tables=(first,))), "impossible_cell")
    assert audit(Published("a paper", tables=(first, other))) == []


def test_an_average_off_the_weighted_mean_is_impossible_and_one_not_rounded_so_is_odd() -> None:
    # 11 of 20 and 7 of 10: 18 of 30 is 60.0
    assert audit(table(row(55.0, 70.0, avg=60.0))) == []
    [far] = audit(table(row(55.0, 70.0, avg=60.2)))
    assert far.finding == "impossible_average" and far.n == 30 and "60.0" in far.detail
    [near] = audit(table(row(55.0, 70.0, avg=60.1)))
    assert near.finding == "suspicious" and "60.00" in near.detail


def test_an_average_that_only_the_other_tables_pairs_give_is_suspicious() -> None:
    first = table(row(50.0, 100.0, avg=75.0), counts=(20, 10)).tables[0]
    other = replace(first, name="table2_llm_judges", counts=(16, 16), rows=())
    both = Published("a paper", tables=(first, other), pairs=())
    found = [f for f in audit(both) if f.finding != "total"]
    assert [(f.cell, f.finding) for f in found] == [("avg", "suspicious")]
    assert "66.7; only another table" in found[0].detail


def test_an_sd_may_be_that_of_the_population_or_of_the_sample() -> None:
    # cells 50 and 60: 5.0 and 7.07
    for std, kinds in ((5.0, []), (7.1, []), (6.0, ["std"])):
        assert [f.finding for f in audit(table(row(50.0, 60.0, std=std)))] == kinds


def test_missing_cells_are_no_findings_and_hide_no_others() -> None:
    found = audit(table(row(None, 33.0, avg=50.0, std=1.0)))
    assert [f.cell for f in found] == ["B"]


def test_genres_without_pairs_and_tables_without_rows_are_read() -> None:
    assert audit(table(counts=(0, 0))) == []
    [found] = audit(table(row(50.0, 50.0, avg=50.0), counts=(0, 10)))
    assert (found.finding, found.n) == ("impossible_cell", 0)
    assert fails(audit(table(row(50.0, avg=50.0), counts=(0,))))


def test_pairs_that_do_not_sum_to_the_papers_total_or_the_other_tables_fail() -> None:
    first = table(counts=(20, 10)).tables[0]
    other = replace(first, name="table2_llm_judges", counts=(21, 10))
    [found] = audit(Published("a paper", tables=(first, other), pairs=(("zh", 30),)))
    assert (found.row, found.cell, found.value, found.n) == ("table2_llm_judges", "row", 31, 30)
    assert found.finding == "total" and fails([found])
    both = audit(Published("a paper", tables=(first, other)))
    assert [f.row for f in both] == ["table1_reward_models", "table2_llm_judges"]
    english = replace(other, language="en")
    assert audit(Published("a paper", tables=(first, english))) == []


def test_rows_repeat_when_more_than_half_of_cells_and_pairs_agree() -> None:
    counts = MAPS["zh"][0]
    ours = [k * 100 / n for k, n in zip((60, 50, 23, 90, 50, 5, 5, 6), counts, strict=True)]
    theirs = [k * 100 / n for k, n in zip((70, 60, 30, 99, 60, 7, 7, 8), counts, strict=True)]

    def shared(*places: int) -> list[str]:
        cells = [ours[i] if i in places else theirs[i] for i in range(8)]
        rows = [
            PublishedRow(name, "reward", tuple(round(v, 1) for v in values), None, None)
            for name, values in (("first", ours), ("second", cells))
        ]
        return [f.row for f in audit(table(*rows, counts=counts)) if f.finding == "repeat"]

    assert shared(0, 1, 2, 3, 4) == shared(3, 4, 5, 6, 7) == ["first", "second"]
    assert shared(0, 1, 2, 3) == []
    assert shared(1, 2, 5, 6, 7) == []  # 187 of 600 pairs


def test_a_row_of_one_table_is_found_again_in_the_other_but_not_in_another_language() -> None:
    first = table(row(50.0, 60.0)).tables[0]
    other = replace(first, name="table2_llm_judges")
    assert len(of_kind(audit(Published("", tables=(first, other))), "repeat")) == 2
    assert audit(Published("", tables=(first, replace(other, language="en")))) == []


def arena(matrix: list[list[float | None]], n: int = 204) -> Published:
    size = len(matrix)
    nothing: tuple[None, ...] = (None,) * size
    one = PublishedArena(
        language="zh", models=GENRES[:size], n=n, wins=tuple(map(tuple, matrix)), ttr=nothing,
        ttr_median=nothing, ttr_unit="", tokens=nothing, chars=nothing, wrong_language=nothing,
    )  # fmt: skip
    return Published("a paper", arenas=(one,))


def test_opposite_win_rates_have_to_sum_to_100() -> None:
    # 128 and 76 of 204 are 62.75 and 37.25; 127 is 62.25
    assert audit(arena([[None, 62.75], [37.25, None]])) == []
    [found] = audit(arena([[None, 62.25], [37.25, None]]))
    assert (found.row, found.cell, found.value, found.finding) == ("A", "B", 62.25, "total")
    assert "sums to 99.5" in found.detail and fails([found])


def test_a_win_rate_has_to_be_a_count_over_the_prompts() -> None:
    found = audit(arena([[None, 62.60], [37.40, None]]))
    assert [(f.row, f.cell, f.finding, f.n) for f in found] == [
        ("A", "B", "impossible_cell", 204),
        ("B", "A", "impossible_cell", 204),
    ]
    # 76 of 204 is 37.2549: cut off it is 37.25, 128 of 204 is 62.745: cut off 62.74
    [cut] = audit(arena([[None, 62.74], [37.25, None]]))
    assert cut.finding == "suspicious" and "cut off" in cut.detail


def printed(value: Fraction, rounding: str) -> float:
    """A number with one decimal, by the decimal module."""
    exact = Decimal(value.numerator) / Decimal(value.denominator)
    return float(exact.quantize(Decimal("0.1"), rounding=rounding))


def made_up(chance: random.Random, rounding: str, models: int = 12) -> Published:
    """Two true tables a language, printed as told; the SD is of either kind."""
    tables = []
    for language, maps in MAPS.items():
        for name, counts in zip(("table1_reward_models", "table2_llm_judges"), maps, strict=True):
            rows = []
            for number in range(models):
                skill = chance.uniform(0.3, 0.9)
                k = [sum(chance.random() < skill for _ in range(n)) for n in counts]
                exact = [Fraction(100 * a, n) for a, n in zip(k, counts, strict=True)]
                spread = chance.choice((statistics.pstdev, statistics.stdev))(exact)
                rows.append(
                    PublishedRow(
                        f"model {number}",
                        "reward",
                        tuple(printed(cell, rounding) for cell in exact),
                        printed(Fraction(100 * sum(k), sum(counts)), rounding),
                        printed(Fraction(spread), rounding),
                    )
                )
            tables.append(PublishedTable(name, language, GENRES, counts, tuple(rows)))  # type: ignore[arg-type]
    return Published("made up", tuple(tables), pairs=(("zh", 600), ("en", 1200)))


@pytest.mark.parametrize("rounding", [ROUND_HALF_UP, ROUND_HALF_EVEN])
@pytest.mark.parametrize("seed", range(8))
def test_a_true_table_that_is_rounded_as_usual_is_never_accused(seed: int, rounding: str) -> None:
    assert audit(made_up(random.Random(seed), rounding)) == []


@pytest.mark.parametrize("seed", range(4))
def test_a_true_table_whose_digits_are_cut_off_has_nothing_impossible(seed: int) -> None:
    found = audit(made_up(random.Random(seed), ROUND_DOWN))
    assert not fails(found)
    assert {f.finding for f in found} <= {"suspicious", "std"} and found


def test_a_true_table_rounded_twice_has_no_impossible_cell() -> None:
    counts = MAPS["en"][0]
    by_way_of = [Decimal(f"{100 * (n // 3) / n:.2f}") for n in counts]
    cells = [float(v.quantize(Decimal("0.1"), rounding=ROUND_HALF_UP)) for v in by_way_of]
    assert {f.finding for f in audit(table(row(*cells), counts=counts))} <= {"suspicious"}


def test_one_altered_cell_of_a_true_table_is_found() -> None:
    clean = made_up(random.Random(3), ROUND_HALF_UP)
    [first, *rest] = clean.tables
    old = first.rows[0]
    cells = (*old.cells[:5], 50.0, *old.cells[6:])  # of 11 pairs
    bad = replace(first, rows=(replace(old, cells=cells), *first.rows[1:]))
    found = audit(replace(clean, tables=(bad, *rest)))
    assert ("model 0", "F", 50.0, 11) in of_kind(found, "impossible_cell")


def test_only_what_cannot_be_fails_a_check() -> None:
    kinds = ("impossible_cell", "impossible_average", "total", "std", "repeat", "suspicious")
    found: list[Any] = [Finding("one", "zh", "A", 1.0, 2, kind, "") for kind in kinds]  # type: ignore[arg-type]
    assert [fails([one]) for one in found] == [True, True, True, False, False, False]
    assert not fails([])


def test_json_has_the_keys_of_the_contract_and_a_detail() -> None:
    [one, *_] = findings_json(audit(shipped("wpb_zh")))
    assert list(one) == ["row", "language", "cell", "value", "n", "finding", "detail"]
    assert json.loads(json.dumps(one)) == one


def test_a_strangers_model_name_is_text_in_the_table_of_findings() -> None:
    bad = replace(row(33.0, 50.0), model="<b>|x|</b>\n\u202e[a](javascript:b)")
    text = markdown([findings_table(audit(table(bad)), "Audit")])
    assert "\u202e" not in text
    assert r"\<b>\|x\|\</b> [a\](javascript:b)" in text
    assert "33.0" in text and "Findings: 1 impossible_cell." in text


def test_a_clean_table_says_that_there_is_nothing() -> None:
    assert "Findings: none." in markdown([findings_table([])])
