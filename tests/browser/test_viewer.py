"""The viewer in a browser: opened, filtered, searched, paged by keys, and attacked."""

from __future__ import annotations

import random
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from rows import row
from viewed import HOSTILE, pair_run, said
from written import texts, write_runs

from harness.arena import ArenaRequest, judged_arena
from harness.request import RunRequest
from harness.viewer import view_page

if TYPE_CHECKING:
    from playwright.sync_api import Page

PAIRS = 1800
NEEDLE = 1234  # the pair whose text holds a word of its own
PHONE: Any = {"width": 360, "height": 740}
COMMON = (
    "雨灯桥信夜风山河月影窗纸墨旧人声远近来去走停看听说写梦醒冷暖春秋花叶石路门城船岸云雪火茶琴书"
)
TAGS = ["诗歌", "议论文", "日常故事", "散文", "书评-影评-乐评", "科幻小说"]


def text(rng: random.Random, words: list[str]) -> str:
    """As long as texts are: 600 to 3,000 characters, in sentences and paragraphs."""
    sentences = [
        "，".join("".join(rng.choices(words, k=4)) for _ in range(rng.randint(1, 3))) + "。"
        for _ in range(rng.randint(30, 150))
    ]
    return "\n\n".join("".join(sentences[i : i + 6]) for i in range(0, len(sentences), 6))


@pytest.fixture(scope="module")
def big(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of 1,800 pairs, answered in both orders; some verdicts fail, some have reasons."""
    folder = tmp_path_factory.mktemp("big")
    rng = random.Random(0)
    # as hard to pack as prose: a few thousand words, of them some common characters
    letters = COMMON + "".join(chr(rng.randrange(0x4E00, 0x9000)) for _ in range(1500))
    words = ["".join(rng.choices(letters, k=rng.randint(1, 3))) for _ in range(5000)]
    records = [
        row(
            f"请写一篇关于第{number // 3}个雨夜的{TAGS[number % 6]}，要有一座桥、一盏灯和一封信。",
            text(rng, words) + f"{number}甲" + ("海市蜃楼" if number == NEEDLE else ""),
            text(rng, words) + f"{number}乙",
            TAGS[number % 6],
            prompt_id=f"p{number // 3}",
        )
        for number in range(PAIRS)
    ]
    run, file = pair_run(folder, records)
    thought = "先看文本A：意象集中，节奏克制。再看文本B：铺陈较多，结尾用力过猛。"
    for order in (0, 1):
        said(run, order, raw="两篇相比，[[A]]更好。", reasoning=thought * 8, tokens_out=311)
    said(run, 3, outcome="unparsed", reason="no label in the answer", raw="都不错。")
    said(run, 5, outcome="chosen")
    said(run, 2 * NEEDLE + 1, outcome="error", reason="503 (6 tries)")
    page = folder / "big.html"
    page.write_text(view_page(run, data={"wpb_zh": file}), encoding="utf-8")
    return page


def opened(page: Page, path: Path) -> float:
    """The page with its first item; the seconds that took."""
    began = time.perf_counter()
    page.goto(path.as_uri())
    page.wait_for_selector("#item[data-shown]")
    return time.perf_counter() - began


def shown(page: Page) -> str:
    return str(page.get_attribute("#item", "data-shown"))


def count(page: Page, wanted: str) -> None:
    page.wait_for_function(
        "text => document.querySelector('#count').textContent === text", arg=wanted
    )


def after(page: Page, before: str) -> str:
    """The item that is shown once it is another than before."""
    page.wait_for_function("id => document.querySelector('#item').dataset.shown !== id", arg=before)
    return shown(page)


def choose(page: Page, facet: str, label: str) -> None:
    select = page.locator("#filters label", has=page.get_by_text(facet, exact=True)).locator(
        "select"
    )
    value = select.locator("option", has_text=label).first.get_attribute("value")
    select.select_option(value=value)


def test_eighteen_hundred_pairs_open_and_few_of_them_are_nodes(
    page: Page, big: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    seconds = opened(page, big)
    nodes = page.evaluate("document.querySelectorAll('*').length")
    size = big.stat().st_size / 1e6
    with capsys.disabled():  # a figure to look at: no test asserts a time
        print(f"\n{PAIRS:,} pairs, {size:.1f} MB: {seconds:.2f} s, {nodes} nodes")  # noqa: T201
    count(page, "1,800 pairs")
    assert nodes < 1000 and page.locator(".entry").count() < 60
    page.locator("#list").evaluate("box => { box.scrollTop = 1500 * 54; }")
    page.wait_for_selector("#row-1500")
    assert page.locator(".entry").count() < 60


def test_keys_go_through_the_pairs(page: Page, big: Path) -> None:
    opened(page, big)
    first = shown(page)
    page.keyboard.press("j")
    second = after(page, first)
    page.keyboard.press("ArrowDown")
    third = after(page, second)
    assert len({first, second, third}) == 3
    page.keyboard.press("k")
    assert after(page, third) == second
    page.keyboard.press("ArrowUp")
    assert after(page, second) == first
    page.keyboard.press("End")
    last = after(page, first)
    assert page.locator('[aria-selected="true"]').get_attribute("aria-posinset") == "1800"
    assert page.url.endswith("#" + last)


def test_a_link_with_an_id_opens_that_pair(page: Page, big: Path) -> None:
    opened(page, big)
    first = shown(page)
    page.keyboard.press("End")
    last = after(page, first)
    page.goto("about:blank")
    page.goto(big.as_uri() + "#" + last)
    page.wait_for_selector("#item[data-shown]")
    assert shown(page) == last


def test_filters_leave_what_they_say(page: Page, big: Path) -> None:
    opened(page, big)
    choose(page, "tag", "诗歌")
    count(page, "300 of 1,800 pairs")
    assert "诗歌" in page.locator('[aria-selected="true"]').inner_text()
    choose(page, "failures", "unparsed")
    count(page, "0 of 1,800 pairs")
    assert page.locator("#item").inner_text().startswith("No pairs")
    page.click("#clear")
    count(page, "1,800 pairs")
    choose(page, "orders", "same")
    count(page, "1 of 1,800 pairs")
    assert page.locator("#item .answer strong").all_inner_texts() == ["chosen", "chosen"]


def test_sorting_changes_the_order(page: Page, big: Path) -> None:
    opened(page, big)
    before = shown(page)
    choose(page, "sort", "length of both, high first")
    page.keyboard.press("Escape")
    page.keyboard.press("Home")
    lengths = [
        sum(int(n.replace(",", "")) for n in sub.split(" · ")[1].split(" / "))
        for sub in page.locator(".entry .sub").all_inner_texts()
    ]
    assert lengths == sorted(lengths, reverse=True) and after(page, before)


def test_a_search_finds_the_one_text_and_marks_it(page: Page, big: Path) -> None:
    opened(page, big)
    page.keyboard.press("/")
    page.keyboard.type("海市蜃楼")
    count(page, "1 of 1,800 pairs")
    page.wait_for_selector("#item mark")
    assert page.locator("#item mark").all_inner_texts() == ["海市蜃楼"]
    assert "503 (6 tries)" in page.locator("#item").inner_text()


def test_answers_and_reasoning_are_folded_until_they_are_opened(page: Page, big: Path) -> None:
    opened(page, big)
    folded = page.locator("#item details").first
    assert not folded.locator(".text").is_visible()
    folded.locator("summary").click()
    assert folded.locator(".text").inner_text().startswith("先看文本A")


def test_hostile_strings_are_shown_and_do_nothing(page: Page, tmp_path: Path) -> None:
    record = row(HOSTILE, HOSTILE + "1", HOSTILE + "2", tag=HOSTILE, prompt_id=HOSTILE)
    record["chosen"]["model"] = record["rejected"]["model"] = HOSTILE
    run, file = pair_run(tmp_path, [record, row("p", "a", "b")])
    said(run, 0, raw=HOSTILE, reasoning=HOSTILE)
    said(run, 1, outcome="error", reason=HOSTILE)
    html = tmp_path / "page.html"
    html.write_text(view_page(run, data={"wpb_zh": file}), encoding="utf-8")
    opened(page, html)
    for fold in page.locator("#item summary").all():
        if fold.locator("xpath=..").get_attribute("open") is None:
            fold.click()
    assert page.title() == "baseline:first on wpb_zh"
    assert page.locator("img, a, iframe, #item script, #item style").count() == 0
    text = page.locator(".preferred > .text").inner_text()
    assert text == HOSTILE.replace("\u202e", "U+202E").replace("\u202c", "U+202C") + "1"
    assert "\u202e" not in page.locator("body").inner_text()
    page.keyboard.press("/")
    page.keyboard.type("<script>")
    count(page, "1 of 2 pairs")
    assert page.locator("#item mark").first.inner_text() == "<script>"


def test_hostile_names_of_an_arenas_players_do_nothing(page: Page, tmp_path: Path) -> None:
    runs = write_runs(tmp_path, texts([HOSTILE, "乙"], 3), 3)
    asked = RunRequest(tasks=(), model="baseline:length", output_path=tmp_path / "out")
    arena = judged_arena(ArenaRequest(runs=tuple(one.folder for one in runs), asked=asked))
    html = tmp_path / "page.html"
    html.write_text(view_page(arena.folder), encoding="utf-8")
    opened(page, html)
    assert page.locator("#item .side h3").count() == 2
    assert page.locator("img, a").count() == 0 and page.title() == "arena judged by baseline:length"
    assert "\u202e" not in page.locator("body").inner_text()


def test_the_page_looks_the_same_in_light_dark_and_on_a_phone(
    page: Page, big: Path, shots: Path
) -> None:
    opened(page, big)
    page.screenshot(path=shots / "viewer-light.png")
    page.emulate_media(color_scheme="dark")
    page.screenshot(path=shots / "viewer-dark.png")
    page.emulate_media(color_scheme="light")
    page.set_viewport_size(PHONE)
    opened(page, big)
    page.screenshot(path=shots / "viewer-phone.png", full_page=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    page.click("#toggle")
    page.screenshot(path=shots / "viewer-phone-list.png")
    before = shown(page)
    page.locator(".entry").nth(3).click()
    after(page, before)
    assert not page.locator("#list").is_visible()
    page.click("#more")
    page.screenshot(path=shots / "viewer-phone-filters.png")
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
