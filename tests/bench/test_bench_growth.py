"""Growth: the fitted power is a hand computation, and sizes are what they are said to be."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from harness.bench.apart import Timed
from harness.bench.fit import fit_power
from harness.bench.growth import Grown, bench_growth, markdown
from harness.bench.growth_parts import PARTS, Part
from harness.cli.main import cli
from harness.errors import UsageError


@pytest.mark.parametrize("power", [0.0, 1.0, 2.0, -0.5])
def test_an_exact_power_is_found_without_error(power: float) -> None:
    sizes = [1, 4, 16, 64]
    fit = fit_power(sizes, [3.0 * n**power for n in sizes])
    assert fit.exponent == pytest.approx(power, abs=1e-12)
    assert fit.error == pytest.approx(0.0, abs=1e-7)


def test_the_exponent_and_its_error_are_those_of_a_hand_computation() -> None:
    # on a base-2 scale x = 0, 1, 2 and y = 0, 2, 1: slope 1/2, the residuals -1/2, 1, -1/2,
    # whose squares sum to 3/2; over 1 degree of freedom and sum of squares 2 of x: sqrt(3/4)
    fit = fit_power([1, 2, 4], [1, 4, 2])
    assert fit.exponent == pytest.approx(0.5)
    assert fit.error == pytest.approx(math.sqrt(0.75))


def test_the_exponent_and_its_error_are_those_of_scipy() -> None:
    from scipy.stats import linregress

    rng = np.random.default_rng(3)
    sizes = np.array([1.0, 4.0, 16.0, 64.0, 256.0])
    values = sizes**1.2 * np.exp(rng.normal(0, 0.2, 5))
    expected = linregress(np.log(sizes), np.log(values))
    fit = fit_power(sizes.tolist(), values.tolist())
    assert (fit.exponent, fit.error) == pytest.approx((expected.slope, expected.stderr))


@pytest.mark.parametrize(
    ("sizes", "values"), [([], []), ([4], [1]), ([4, 4], [1, 2]), ([1, 4], [0, 1])]
)
def test_nothing_is_fitted_to_fewer_than_two_sizes(sizes: list[int], values: list[int]) -> None:
    fit = fit_power(sizes, values)
    assert math.isnan(fit.exponent) and math.isnan(fit.error)


def test_two_points_have_a_slope_and_no_error() -> None:
    fit = fit_power([1, 4], [1, 16])
    assert fit.exponent == pytest.approx(2.0) and math.isnan(fit.error)


def grown(*cpu: float, idle: float = 1.0) -> Grown:
    """A part whose sizes took these processor seconds and 100 MiB and 1 more a second."""
    part = Part("a way", "things", 1.0, lambda units, folder: Timed(0.0, 0.0, 0.0))
    timed = tuple(Timed(seconds, seconds, 100.0 + seconds) for seconds in cpu)
    units = tuple(10 * 4**step for step in range(len(cpu)))
    return Grown(part, Timed(idle, idle, 100.0), units, timed)


def test_a_start_of_any_length_does_not_hide_a_power() -> None:
    squares = grown(*(1.0 + n**2 for n in (1, 4, 16, 64)))
    assert squares.time.exponent == pytest.approx(2.0)
    assert squares.last_step == pytest.approx(2.0)


def test_the_last_step_cancels_a_constant_that_the_idle_run_lacks() -> None:
    linear = grown(*(50.0 + n for n in (1, 4, 16, 64)), idle=0.5)
    assert linear.time.exponent < 0.3
    assert linear.last_step == pytest.approx(1.0)


def test_sizes_that_drown_in_the_start_are_left_out_of_the_power() -> None:
    noisy = grown(1.001, 1.09, 1.0 + 0.5, 1.0 + 2.0)
    assert noisy.time.exponent == pytest.approx(1.0) and math.isnan(noisy.time.error)


def test_bytes_a_unit_are_those_between_the_two_largest_sizes() -> None:
    # 116 and 164 MiB at 160 and 640 units
    assert grown(1, 4, 16, 64).bytes_a_unit == pytest.approx(48 * 1024 * 1024 / 480)


def test_the_tables_show_every_size_and_both_powers() -> None:
    text = " ".join(markdown([grown(2.0, 5.0, 17.0, 65.0)]).split())
    assert "| a way | 640 things | 1.00 | 2.00 | 5.00 | 17.00 | 65.00 | 65.00 | 1.00 ± 0.00" in text
    assert "| 1x | 4x | 16x | 64x |" in text
    assert "| a way | 640 things | 100 | 102 | 105 | 117 | 165 |" in text


def test_what_cannot_be_fitted_is_a_dash() -> None:
    flat = grown(1.0, 1.0, 1.0, 1.0)
    assert math.isnan(flat.time.exponent) and math.isnan(flat.last_step)
    assert "| 1.00 | - | - |" in " ".join(markdown([flat]).split())


def test_every_part_does_its_work_at_every_size() -> None:
    found = bench_growth(pairs=64, factors=(1,))
    assert [row.part.unit for row in found] == ["pairs", "pairs", "calls", "texts", "verdicts"]
    assert [row.units for row in found] == [(64,), (64,), (32,), (2,), (256,)]
    assert all(row.timed[0].peak > 10 and row.timed[0].cpu > 0 for row in found)


def test_a_part_gets_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[tuple[int, Path]] = []

    def run(units: int, folder: Path) -> Timed:
        assert folder.is_dir() and not any(folder.iterdir())
        (folder / "file").touch()
        given.append((units, folder))
        return Timed(units, units, units)

    monkeypatch.setitem(PARTS, "read", Part("a way", "pairs", 1.0, run))
    [row] = bench_growth(pairs=640, only=["read"])
    assert [units for units, _ in given] == [2, 10, 40, 160, 640]
    assert row.idle.seconds == 2 and row.units == (10, 40, 160, 640)
    assert not any(folder.exists() for _, folder in given)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--only", "reading"], "--only: unknown part 'reading': did you mean 'read'"),
        (["--pairs", "10"], "--pairs 10: at least 4,096"),
        (["--pairs", "10", "--only", "read"], "--pairs 10: at least 128"),
    ],
)
def test_wrong_use_is_told_before_any_work(arguments: list[str], said: str) -> None:
    done = CliRunner().invoke(cli, ["bench", "growth", *arguments])
    assert isinstance(done.exception, UsageError) and said in str(done.exception)
