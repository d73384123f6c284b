"""Plots of a board: text stays text, files are the same each time, names do nothing."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest
from boards import HOSTILE, made_up

from harness.leaderboard.rows import shown
from harness.leaderboard.site_svg import inlined

pytest.importorskip("matplotlib")

from harness.leaderboard.plots import draw


@pytest.fixture(scope="module")
def images() -> dict[str, bytes]:
    return draw(made_up(len(HOSTILE), 60))


def test_a_board_has_four_plots_for_papers_and_one_a_model(images: dict[str, bytes]) -> None:
    names = {name for name in images if not name.startswith("model/")}
    assert names == {f"{plot}.{form}" for plot in ("forest", "heatmap", "length", "order") for form in ("svg", "png")}  # fmt: skip
    assert sum(name.startswith("model/") for name in images) == len(HOSTILE) + 1
    assert all(images[name].startswith(b"\x89PNG") for name in names if name.endswith("png"))


def test_names_are_text_in_the_svg_and_no_formula(images: dict[str, bytes]) -> None:
    found = "".join(ElementTree.fromstring(images["forest.svg"]).itertext())
    for name in HOSTILE:
        assert shown(name, 34) in found


def test_nothing_in_a_plot_says_when_it_was_made(images: dict[str, bytes]) -> None:
    assert draw(made_up(len(HOSTILE), 60)) == images
    assert b"dc:date" not in images["forest.svg"]


def test_an_inlined_plot_has_no_style_no_address_and_the_pages_colours(
    images: dict[str, bytes],
) -> None:
    for name in ("forest.svg", "heatmap.svg", "length.svg"):
        text = inlined(images[name], label='a "plot" <b>', prefix="p1")
        root = ElementTree.fromstring(text)
        for element in root.iter():
            assert element.tag in {"svg", "g", "defs", "path", "use", "text", "clipPath", "rect"}
            assert "style" not in element.attrib
            for key, value in element.attrib.items():
                assert not key.startswith("on")
                assert "http" not in value or key == "aria-label"
        assert "var(--ink)" in text and root.get("aria-label") == 'a "plot" <b>'


def test_every_reference_inside_an_inlined_plot_leads_to_its_own_part(
    images: dict[str, bytes],
) -> None:
    root = ElementTree.fromstring(inlined(images["forest.svg"], label="", prefix="p7"))
    ids = {element.get("id") for element in root.iter()}
    links = {element.get("href", "").removeprefix("#") for element in root.iter("use")}
    assert links and links <= ids and all(link.startswith("p7-") for link in links)
