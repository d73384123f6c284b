"""The picture of a training's loss: the same bytes, every kind of log, and without matplotlib."""

from __future__ import annotations

import math
import sys
import warnings
from pathlib import Path
from typing import Any

import pytest

from harness.training.curve import _smoothed, write_curve

BLUE, PALE, ORANGE = (43, 108, 176), (143, 179, 217), (192, 86, 33)


@pytest.fixture
def drawing() -> None:
    pytest.importorskip("matplotlib", reason="needs the extra plots")


def log(steps: int, *, judged: bool = True) -> list[dict[str, Any]]:
    """Losses that fall, and evaluations before, half-way and after."""
    rows: list[dict[str, Any]] = [
        {"step": i, "epoch": i / 10, "loss": 2 + math.sin(i) / i, "learning_rate": 1e-3 / i}
        for i in range(1, steps + 1)
    ]
    at = (0, steps // 2, steps) if judged else ()
    return rows + [{"step": i, "epoch": 0.0, "eval_loss": 2.2 - i / 9 / steps} for i in at]


def colors(path: Path) -> dict[tuple[int, int, int], int]:
    """How many pixels have each colour."""
    from PIL import Image

    with Image.open(path) as image:
        assert image.format == "PNG"
        found = image.convert("RGB")
    counted = found.getcolors(found.width * found.height)
    assert counted is not None
    return {color: n for n, color in counted}  # type: ignore[misc]


def drawn(folder: Path, rows: list[dict[str, Any]], title: str = "demo") -> Path:
    """The picture; any warning on the way is an error."""
    path = folder / "curve.png"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert write_curve(rows, path, title=title)
    return path


@pytest.mark.usefixtures("drawing")
def test_the_same_log_gives_the_same_bytes_and_another_log_others(tmp_path: Path) -> None:
    first = drawn(tmp_path, log(60)).read_bytes()
    assert drawn(tmp_path, log(60)).read_bytes() == first
    assert drawn(tmp_path, log(59)).read_bytes() != first


@pytest.mark.usefixtures("drawing")
def test_no_date_and_no_program_stand_in_the_file(tmp_path: Path) -> None:
    from PIL import Image

    with Image.open(drawn(tmp_path, log(3))) as image:
        assert set(image.info) <= {"dpi"}


@pytest.mark.usefixtures("drawing")
def test_few_points_are_the_line_itself_and_many_have_a_smoothed_one_over_them(
    tmp_path: Path,
) -> None:
    few = colors(drawn(tmp_path, log(12)))
    assert few.get(BLUE) and not few.get(PALE)
    many = colors(drawn(tmp_path, log(200)))
    assert many.get(BLUE) and many.get(PALE)


@pytest.mark.usefixtures("drawing")
def test_evaluations_are_drawn_where_there_are_any(tmp_path: Path) -> None:
    assert colors(drawn(tmp_path, log(12))).get(ORANGE)
    assert not colors(drawn(tmp_path, log(12, judged=False))).get(ORANGE)


@pytest.mark.usefixtures("drawing")
def test_the_only_logged_step_is_a_point_that_can_be_seen(tmp_path: Path) -> None:
    one = colors(drawn(tmp_path, log(1, judged=False))).get(BLUE, 0)
    none = colors(drawn(tmp_path, [])).get(BLUE, 0)  # the line in the legend
    assert one > none + 10


@pytest.mark.usefixtures("drawing")
@pytest.mark.parametrize(
    "rows",
    [[], log(5)[-3:], [{"step": 1, "loss": 2.0}], [{"step": 1, "accuracy": 0.5}]],
    ids=["empty", "evaluations alone", "no rate", "neither"],
)
def test_a_log_that_lacks_rows_or_keys_is_drawn_all_the_same(
    rows: list[dict[str, Any]], tmp_path: Path
) -> None:
    assert drawn(tmp_path, rows).stat().st_size > 1000


@pytest.mark.usefixtures("drawing")
@pytest.mark.parametrize("title", ["雨停了 한국어", "$a$ and $b", "$\\frac{$", "x" * 300])
def test_any_title_is_drawn_without_a_warning(title: str, tmp_path: Path) -> None:
    drawn(tmp_path, log(3), title)


def test_without_matplotlib_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "matplotlib"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert write_curve(log(3), tmp_path / "curve.png", title="demo") is False
    assert not list(tmp_path.iterdir())


def test_the_smoothed_line_weighs_older_values_less_and_starts_without_bias() -> None:
    values = [math.sin(i) for i in range(400)]
    keep = 1 - 1 / 20  # a twentieth of 400 values
    for at in (0, 3, 399):
        weights = [keep ** (at - i) for i in range(at + 1)]
        mean = sum(w * v for w, v in zip(weights, values, strict=False)) / sum(weights)
        assert _smoothed(values)[at] == pytest.approx(mean)
