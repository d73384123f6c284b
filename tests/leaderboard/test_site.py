"""The pages of a board: nothing a stranger wrote acts in them, and they ask nobody anything."""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from boards import HOSTILE, made_up

from harness.leaderboard import build
from harness.leaderboard.boards import find_boards
from harness.leaderboard.build import build_board, build_rows
from harness.leaderboard.rows import page_name, shown

ROOT = Path(__file__).resolve().parents[2] / "leaderboards"


class Page(HTMLParser):
    """The elements of a page, and its text outside of scripts and styles."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.raw: dict[str, list[str]] = {"script": [], "style": []}
        self._in: str | None = None
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._in = tag if tag in self.raw else None

    def handle_endtag(self, tag: str) -> None:
        self._in = None

    def handle_data(self, data: str) -> None:
        (self.raw[self._in] if self._in else self.text).append(data)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("site")
    build_rows(made_up(30, 120), out_root=root)
    return root / "site"


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[Path, Page]:
    return {path: Page(path.read_text("utf-8")) for path in sorted(site.rglob("*.html"))}


def test_there_is_an_index_a_page_a_board_and_a_page_a_model(pages: dict[Path, Page]) -> None:
    assert len(pages) == 1 + 1 + 32


def test_pages_hold_one_script_and_one_style_and_allow_no_other(pages: dict[Path, Page]) -> None:
    for page in pages.values():
        [policy] = [
            attrs["content"] or ""
            for tag, attrs in page.elements
            if tag == "meta" and attrs.get("http-equiv") == "Content-Security-Policy"
        ]
        assert policy.startswith("default-src 'none'; ") and "unsafe" not in policy
        tags = [tag for tag, _ in page.elements]
        assert tags.count("script") == 1 and tags.count("style") == 1
        for what in ("script", "style"):
            digest = hashlib.sha256("".join(page.raw[what]).encode()).digest()
            assert f"{what}-src 'sha256-{base64.b64encode(digest).decode()}'" in policy


def test_no_attribute_acts_and_no_address_leads_away(pages: dict[Path, Page]) -> None:
    for path, page in pages.items():
        for tag, attrs in page.elements:
            assert tag not in {"img", "iframe", "object", "embed", "link", "base", "b"}, path
            for key, value in attrs.items():
                assert not key.startswith("on") and key not in {"style", "src", "action", "srcdoc"}
                if key == "href":
                    assert re.fullmatch(r"(#|\.\./)?[\w./-]+", value or ""), (path, value)


def test_links_lead_to_pages_that_are_there(pages: dict[Path, Page]) -> None:
    for path, page in pages.items():
        for tag, attrs in page.elements:
            if tag == "a":
                assert (path.parent / str(attrs["href"])).is_file()


def test_strange_names_are_shown_as_text(site: Path, pages: dict[Path, Page]) -> None:
    text = "".join(pages[site / "demo_zh" / "index.html"].text)
    for name in HOSTILE:
        assert shown(name) in text


def test_marks_that_turn_text_round_are_gone(site: Path) -> None:
    for path in site.rglob("*.html"):
        assert not set("\u202e\u202c\u200f\u2066") & set(path.read_text("utf-8"))


def test_a_page_is_called_by_ascii_alone() -> None:
    for name in (*HOSTILE, "../../etc/passwd", "", "\x00"):
        assert re.fullmatch(r"[a-z0-9-]{1,49}\.html", page_name("submission", name, name))


def test_a_long_name_is_cut_in_tables_and_whole_on_its_page(
    site: Path, pages: dict[Path, Page]
) -> None:
    assert "x" * 61 not in "".join(pages[site / "demo_zh" / "index.html"].text)
    assert any("x" * 200 in "".join(page.text) for page in pages.values())


def test_the_shipped_boards_build_as_pages(tmp_path: Path) -> None:
    boards = find_boards(ROOT)
    for board in boards.values():
        build_board(board, out_root=tmp_path, plots=False)
    index = Page((tmp_path / "site" / "index.html").read_text("utf-8"))
    links = {str(attrs["href"]) for tag, attrs in index.elements if tag == "a"}
    assert links == {f"{name}/index.html" for name in boards}


def test_without_matplotlib_the_site_is_built_and_says_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build.importlib.util, "find_spec", lambda name: None)
    written = build_rows(made_up(2, 20), out_root=tmp_path)
    assert not any("plots" in path.parts for path in written)
    page = (tmp_path / "site" / "demo_zh" / "index.html").read_text("utf-8")
    assert "writing-harness[plots]" in page and "<svg" not in page
