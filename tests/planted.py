"""Texts that tests plant among training rows, and what the demo's recipe is held against."""

from __future__ import annotations

from pathlib import Path

from harness.records import Triplet, triplet_id
from harness.training.mixture.contamination import TestTexts, load_test_texts
from harness.training.recipe import load_recipe

PROMPT = (
    "请以一位守灯塔的老人的口吻，写一篇关于告别的短篇小说。他在岛上住了四十年，"
    "明天灯塔就要改由机器看守。不少于800字。"
)
ENGLISH = (
    "Write a letter from a lighthouse keeper to the ship he never answered; keep it under five "
    "hundred words, and let the reader find out on their own what he is sorry for."
)
RESPONSE = "".join(
    f"第{number}夜，潮水退到{name}礁以外，老人把灯油添满，又数了一遍楼梯。"
    for number, name in enumerate("石鹭盐雾钟锚桅帆舵索", start=1)
)


def triplet(query: str = "写点什么", answer: str = "好的", thought: str | None = None) -> Triplet:
    return Triplet(triplet_id(query, thought, answer), query, thought, answer, 1)


def loaded(*sets: str, home: Path | None = None) -> TestTexts:
    """What the demo's recipe with these overrides is held against."""
    spec = load_recipe("demo", sets).spec
    return load_test_texts(spec, home=home)  # type: ignore[arg-type]
