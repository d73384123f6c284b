"""The board's page in a real browser: sorted, filtered, by mouse and by keyboard, and quiet."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from boards import made_up

from harness.leaderboard.build import build_rows

if TYPE_CHECKING:
    from playwright.sync_api import Page

ROWS = "table.sortable >> nth=0 >> tbody tr:visible"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("site")
    build_rows(made_up(30, 300), out_root=root)
    return root / "site" / "demo_zh"


@pytest.fixture
def board(page: Page, site: Path) -> Page:
    page.goto((site / "index.html").as_uri())
    return page


def column(page: Page, place: int) -> list[str]:
    """What a column of the main table says, top to bottom."""
    cells = page.locator(f"table.sortable >> nth=0 >> tbody tr:visible > :nth-child({place + 1})")
    return [text.strip() for text in cells.all_inner_texts()]


def head(page: Page, name: str) -> tuple[int, Callable[[], str | None]]:
    """The place of a column, and what its aria-sort says now."""
    heads = page.locator("table.sortable >> nth=0 >> thead th")
    place = [text.strip() for text in heads.all_inner_texts()].index(name)
    return place, lambda: heads.nth(place).get_attribute("aria-sort")


def test_a_click_on_a_head_sorts_and_another_turns_it_round(board: Page) -> None:
    place, sort = head(board, "picks first %")
    button = board.locator("table.sortable >> nth=0 >> thead button").nth(place)
    for said, reverse in (("descending", True), ("ascending", False)):
        button.click()
        assert sort() == said
        values = column(board, place)
        known = [float(value) for value in values if value != "-"]
        assert known == sorted(known, reverse=reverse)
        # what has no number stands last either way
        assert values[len(known) :] == ["-"] * (len(values) - len(known)) and len(known) == 30


@pytest.mark.parametrize("key", ["Enter", "Space"])
def test_enter_and_space_on_a_head_sort(board: Page, key: str) -> None:
    place, sort = head(board, "model")
    board.locator("table.sortable >> nth=0 >> thead button").nth(place).focus()
    board.keyboard.press(key)
    assert sort() == "ascending"


def test_the_rows_are_filtered_by_text_and_by_kind(board: Page) -> None:
    assert board.locator("#count").inner_text() == "32 rows"
    board.fill("#find", "reward-model-1")
    found = board.locator(ROWS).count()
    assert 0 < found < 30 and board.locator("#count").inner_text() == f"{found} rows"
    board.fill("#find", "")
    board.uncheck("input[value=submission]")
    assert board.locator("#count").inner_text() == "2 rows"
    board.uncheck("input[value=reported]")
    assert board.locator("#count").inner_text() == "1 row"


def test_a_strangers_name_stays_text_and_leads_to_its_page(board: Page) -> None:
    title = board.title()
    board.locator("tbody a", has_text="</td></table>").first.click()
    assert "</td></table></script>" in board.locator("h1").inner_text()
    board.go_back()
    assert board.title() == title == "demo_zh"


def test_every_plot_is_drawn_in_the_pages_colours(board: Page) -> None:
    plots = board.locator("svg.plot")
    assert plots.count() == 4
    fill = "e => getComputedStyle(e.querySelector('text')).fill"
    light = plots.first.evaluate(fill)
    board.emulate_media(color_scheme="dark")
    assert plots.first.evaluate(fill) != light


def test_a_phone_scrolls_tables_in_their_box_and_not_the_page(
    board: Page, site: Path, shots: Path
) -> None:
    for path in (site / "index.html", *sorted(site.glob("org-*.html"))[:1]):
        board.goto(path.as_uri())
        for width, scheme in ((1280, "light"), (1280, "dark"), (360, "light")):
            board.set_viewport_size({"width": width, "height": 800})
            board.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
            board.screenshot(path=shots / f"board-{path.stem}-{width}-{scheme}.png", full_page=True)
            assert board.evaluate("document.documentElement.scrollWidth") == width
    board.goto((site / "index.html").as_uri())
    box = board.locator(".box").first
    before = board.locator("tbody th").first.bounding_box()
    box.evaluate("e => e.scrollLeft = 400")
    after = board.locator("tbody th").first.bounding_box()
    assert before is not None and after is not None and before["x"] == after["x"]
