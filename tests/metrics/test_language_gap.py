"""The cross-lingual gap: the published one, its interval, its correction."""

from __future__ import annotations

import math

import numpy as np
import pytest
from arena_tables import units, won

from harness.errors import UsageError
from harness.metrics.judge_error import Calibration
from harness.metrics.language_gap import language_gap

PUBLISHED = [*won(128, 76, language="zh"), *won(164, 189, language="en")]


def judge(right, wrong):
    return Calibration(np.array([1.0] * right + [0.0] * wrong), np.arange(right + wrong))


def gap(lines, run_a="m0", run_b="m1", **options):
    return language_gap(units(lines), run_a, run_b, seed=0, **options)


def test_the_published_gap_is_16_29_points():
    found = gap(PUBLISHED)
    assert round(100 * found["gap"], 2) == 16.29
    assert [round(100 * found["languages"][name]["win_rate"], 2) for name in ("zh", "en")] == [
        62.75,
        46.46,
    ]
    p, q = 128 / 204, 164 / 353
    half = 1.96 * math.sqrt(p * (1 - p) / 204 + q * (1 - q) / 353)
    assert found["gap_ci95"] == pytest.approx([p - q - half, p - q + half], abs=0.008)
    assert found["corrected_gap"] is None
    assert found["languages"]["zh"]["reason"] == "no calibration of the judge"


def test_the_languages_are_drawn_independently():
    found = gap([*won(60, 40, language="zh"), *won(60, 40, language="en")])
    low, high = found["gap_ci95"]
    assert found["gap"] == 0
    assert high - low == pytest.approx(2 * 1.96 * math.sqrt(2 * 0.24 / 100), rel=0.08)


def test_naming_the_runs_the_other_way_turns_the_gap_round():
    there, back = gap(PUBLISHED), gap(PUBLISHED, "m1", "m0")
    assert back["gap"] == pytest.approx(-there["gap"])
    assert back["gap_ci95"] == pytest.approx([-end for end in there["gap_ci95"][::-1]], abs=0.01)
    assert back["languages"]["zh"]["win_rate"] == pytest.approx(76 / 204)


def test_a_judges_errors_hide_a_part_of_the_gap():
    found = gap(PUBLISHED, judges={"zh": judge(800, 200), "en": judge(800, 200)})
    assert found["corrected_gap"] == pytest.approx(found["gap"] / 0.6)
    low, high = found["corrected_gap_ci95"]
    raw_low, raw_high = found["gap_ci95"]
    assert low < found["corrected_gap"] < high and high - low > (raw_high - raw_low) / 0.65


def test_a_gap_is_corrected_only_where_both_languages_are():
    found = gap(PUBLISHED, judges={"zh": judge(800, 200), "en": judge(51, 49)})
    assert found["languages"]["zh"]["corrected"] == pytest.approx((128 / 204 - 0.2) / 0.6)
    assert found["languages"]["en"]["reason"] == "the judge may be no better than a coin"
    assert found["corrected_gap"] is None and found["corrected_gap_ci95"] is None


def test_one_language_has_no_gap():
    found = gap(list(won(3, 2, language="zh")))
    assert found["gap"] is None and found["gap_ci95"] is None
    assert found["languages"]["en"]["n"] == 0 and found["languages"]["en"]["win_rate"] is None


@pytest.mark.parametrize("runs", [("m0", "m9"), ("m0", "m0")])
def test_runs_must_be_two_of_the_arena(runs):
    with pytest.raises(UsageError, match=r"m9|twice"):
        gap(PUBLISHED, *runs)
