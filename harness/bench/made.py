"""Made data that is shaped as the published data is: lengths, prompts that share pairs, tags."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from harness.records import Language

IntArray = npt.NDArray[np.int64]

# Characters of 1,900 published Chinese texts and 860 English ones, at these quantiles.
_QUANTILES = (0.0, 0.05, 0.25, 0.5, 0.75, 0.9, 0.99)
_CHARS = {
    "zh": (73, 302, 706, 1_341, 2_232, 3_415, 8_649),
    "en": (422, 745, 1_006, 1_158, 1_361, 1_639, 8_289),
}
_PROMPT_CHARS = (71, 88, 136, 179, 247, 373, 593)
# Of 259 prompts with published pairs: so many have so many pairs.
_PAIRS_A_PROMPT = {1: 5, 2: 40, 3: 213, 11: 1}
_BLOCK = 1_000  # prompts drawn at a time: a smaller file is the beginning of a larger one
_POOL = 1 << 20  # characters that texts are cut from


def text_chars(rng: np.random.Generator, language: Language, count: int) -> IntArray:
    """Lengths of texts, in characters."""
    return _drawn(rng, _CHARS[language], count)


def _drawn(rng: np.random.Generator, quantiles: Sequence[int], count: int) -> IntArray:
    return np.interp(rng.uniform(0.0, 0.99, count), _QUANTILES, quantiles).astype(np.int64)


def prompt_sizes(rng: np.random.Generator) -> Iterator[int]:
    """How many pairs each prompt has, without end."""
    shares = np.array(list(_PAIRS_A_PROMPT.values()), np.float64)
    while True:
        yield from rng.choice(list(_PAIRS_A_PROMPT), _BLOCK, p=shares / shares.sum()).tolist()


def known_tags() -> list[tuple[str, str]]:
    """The tags of the published map and the genre of each, in one order."""
    from harness.data.genres import load_genres

    table = load_genres("wpb_appendix_b").table
    assert table is not None
    return sorted(table.items())


def write_pair_file(path: Path, count: int, seed: int = 0) -> None:
    """A JSONL of `count` pairs in the official format, about 10 KB each, most prompts with three.

    The texts are characters that mean nothing. A smaller file is the beginning of a larger one.
    """
    with path.open("w", encoding="utf-8") as stream:
        for row in _pair_rows(count, seed):
            stream.write(row)


def _pair_rows(count: int, seed: int) -> Iterator[str]:
    streams = np.random.default_rng(seed).spawn(4)
    pool = _pool(streams[0])
    sizes, tags = prompt_sizes(streams[1]), known_tags()
    sides = _cuts(pool, streams[2], _CHARS["zh"])
    prompts = _cuts(pool, streams[3], _PROMPT_CHARS)
    number = 0
    while number < count:
        prompt_id, prompt = f"made-{number}", next(prompts)
        tag = tags[number % len(tags)][0]
        for _ in range(min(next(sizes), count - number)):
            chosen = {"response": next(sides), "score": 3, "model": f"model-{number % 20}"}
            rejected = {"response": next(sides), "score": 1, "model": f"model-{number % 19}"}
            row = {"prompt": prompt, "prompt_id": prompt_id, "tag": tag}
            whole = {**row, "chosen": chosen, "rejected": rejected}
            yield json.dumps(whole, ensure_ascii=False) + "\n"
            number += 1


def _pool(rng: np.random.Generator) -> str:
    return "".join(map(chr, rng.integers(0x4E00, 0x9FA6, _POOL).tolist()))


def _cuts(pool: str, rng: np.random.Generator, quantiles: Sequence[int]) -> Iterator[str]:
    """Pieces of the pool, of the lengths that texts have."""
    while True:
        begins = rng.integers(0, len(pool) - quantiles[-1], _BLOCK).tolist()
        lengths = _drawn(rng, quantiles, _BLOCK).tolist()
        yield from (pool[b : b + n] for b, n in zip(begins, lengths, strict=True))


def write_text_files(prompts: Path, texts: Path, count: int, seed: int = 0) -> None:
    """JSONL of `count` prompts, and of a text of words for each, as one model wrote them."""
    streams = np.random.default_rng(seed).spawn(2)
    pool, tags = _pool(streams[0]), known_tags()
    wanted = _cuts(pool, streams[0], _PROMPT_CHARS)
    written = made_texts("zh", streams[1])
    with prompts.open("w", encoding="utf-8") as asked, texts.open("w", encoding="utf-8") as given:
        for number in range(count):
            prompt_id, tag = f"made-{number}", tags[number % len(tags)][0]
            prompt = {"prompt_id": prompt_id, "prompt": next(wanted), "tag": tag}
            text = {"prompt_id": prompt_id, "model": "made", "response": next(written)}
            asked.write(json.dumps(prompt, ensure_ascii=False) + "\n")
            given.write(json.dumps(text, ensure_ascii=False) + "\n")


def made_texts(language: Language, rng: np.random.Generator) -> Iterator[str]:
    """Texts of real lengths, of words drawn by their frequency, a comma or stop after some."""
    words, weights = _chinese() if language == "zh" else _english(rng)
    cumulative = np.cumsum(weights) / np.sum(weights)
    gap, stops = ("", "，。") if language == "zh" else (" ", ",.")
    while True:
        length = int(text_chars(rng, language, 1)[0])
        drawn = np.searchsorted(cumulative, rng.random(length))
        ends = rng.random(length) < 0.12
        parts = (
            words[place] + (stops[place % 2] if end else "")
            for place, end in zip(drawn.tolist(), ends.tolist(), strict=True)
        )
        yield gap.join(parts)[:length]


def _chinese() -> tuple[list[str], list[int]]:
    """The words of jieba's dictionary and their counts."""
    import logging

    import jieba

    jieba.setLogLevel(logging.WARNING)  # it reports the loading of its dictionary on stderr
    jieba.initialize()
    known = {word: count for word, count in jieba.dt.FREQ.items() if count}
    return list(known), list(known.values())


def _english(rng: np.random.Generator) -> tuple[list[str], list[float]]:
    """20,000 made words whose frequency falls with their rank."""
    letters = rng.integers(ord("a"), ord("z") + 1, (20_000, 9))
    sizes = rng.integers(2, 10, 20_000)
    words = ["".join(map(chr, row[:size])) for row, size in zip(letters, sizes, strict=True)]
    return words, [1 / rank for rank in range(1, 20_001)]
