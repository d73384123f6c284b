"""Small made-up pairs in the official record format."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

TAGS = ("诗歌", "散文", "演讲稿")
GOOD = ("雨停了", "灯还亮着", "他没有说话", "桥下的水慢慢地走", "风把门推开一条缝")
BAD = ("非常好", "特别美丽", "总之很感人", "大家都很高兴", "这是一个难忘的故事")


def record(number: int, tag: str) -> dict[str, Any]:
    """The pair of that number; its texts and prompt are like no other's."""
    sides = {
        side: {
            "response": f"{words[number % 5]}，{words[number // 5 % 5]}。{side}{number}",
            "score": score,
            "model": "m",
            "completion_tokens": None,
            "prompt_tokens": None,
            "word_len": None,
        }
        for side, words, score in (("chosen", GOOD, 3), ("rejected", BAD, 1))
    }
    return {"prompt": f"写第{number}篇", "prompt_id": f"p{number}", "tag": tag} | sides


def records(each: int = 4) -> list[dict[str, Any]]:
    """`each` unrelated pairs for every tag."""
    return [record(i * each + k, tag) for i, tag in enumerate(TAGS) for k in range(each)]


@pytest.fixture(scope="session")
def pairs_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve pairs, four for each of three genres."""
    file = tmp_path_factory.mktemp("pairs") / "pairs.json"
    file.write_text(json.dumps(records(), ensure_ascii=False), encoding="utf-8")
    return file
