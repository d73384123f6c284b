"""How numbers and names are written."""

from __future__ import annotations

import pytest

from harness.reports import text


@pytest.mark.parametrize(
    ("share", "written"), [(0.541, "54.1"), (1.0, "100.0"), (0.0, "0.0"), (None, "-")]
)
def test_a_share_is_written_as_percent_with_one_decimal(share, written):
    assert text.percent(share) == written


@pytest.mark.parametrize(
    ("p", "written"), [(0.0004, "<0.001"), (0.001, "0.001"), (0.0312, "0.031"), (1.0, "1.000")]
)
def test_p_is_written_as_papers_do(p, written):
    assert text.p_value(p) == written


@pytest.mark.parametrize(
    ("difference", "written"), [(0.032, "+3.2"), (-0.01, "-1.0"), (-0.0001, "0.0"), (0.0, "0.0")]
)
def test_a_difference_has_a_sign_unless_it_prints_as_zero(difference, written):
    assert text.points(difference) == written


def test_an_interval_stands_in_brackets():
    assert text.interval([0.4849, 0.5961]) == "[48.5, 59.6]"


def test_a_name_cannot_move_the_terminal_or_break_the_line():
    assert text.plain("a\x1b[31m\nb\u202ec\ud800 d") == "a [31m b c d"
