"""A real browser, offline: Debian's chromium, driven by playwright."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, ViewportSize

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # no name leads anywhere, whatever a page or the browser itself asks for
    "--host-resolver-rules=MAP * ~NOTFOUND",
)
DESK: ViewportSize = {"width": 1280, "height": 800}
AT_HOME = ("file:", "data:", "about:")  # what leaves no trace outside this machine


# a browser a file: playwright's event loop runs as long as it does, and would be in the way of
# tests elsewhere that start their own
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The browser, started once for a file of tests."""
    sync_api = pytest.importorskip("playwright.sync_api")
    if not CHROMIUM.is_file():
        pytest.skip(f"no {CHROMIUM}: make test-browser installs it")
    with sync_api.sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path=CHROMIUM, headless=True, chromium_sandbox=False, args=list(FLAGS)
        )
        yield started
        started.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page 1280 x 800 that must stay quiet: any error of its scripts, any line of its console
    that says error or warning, any dialog and any request but for a file fails the test.

    `page.goto(path.as_uri())` opens a file; `page.emulate_media(color_scheme="dark")` and
    `page.set_viewport_size({"width": 360, "height": 740})` change the light and the size.
    """
    said: list[str] = []
    context = browser.new_context(viewport=DESK)
    context.set_default_timeout(15_000)
    opened = context.new_page()
    context.on("page", lambda other: said.append(f"opened a window: {other.url}"))
    opened.on("pageerror", lambda error: said.append(f"error: {error}"))
    opened.on(
        "console",
        lambda line: said.append(f"{line.type}: {line.text}") if loud(line.type) else None,
    )
    opened.on(
        "request",
        lambda asked: None if asked.url.startswith(AT_HOME) else said.append(f"asked {asked.url}"),
    )
    opened.on("dialog", lambda box: (said.append(f"dialog: {box.message}"), box.dismiss()))
    yield opened
    context.close()
    assert said == []


def loud(kind: str) -> bool:
    """Whether a line of the console is a complaint."""
    return kind in ("error", "warning", "assert")


@pytest.fixture(scope="session")
def shots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where screenshots go: the folder that SHOTS names, else a temporary one."""
    if "SHOTS" in os.environ:
        folder = Path(os.environ["SHOTS"])
        folder.mkdir(parents=True, exist_ok=True)
        return folder
    return tmp_path_factory.mktemp("shots")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every test of this folder is marked `browser`."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker("browser")
