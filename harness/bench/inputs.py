"""Sizes of models and pairs of texts to measure with: real shapes, real lengths."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from harness.bench.made import made_texts
from harness.data.fetch import read_file
from harness.data.wpb import read_pairs
from harness.errors import DataError
from harness.records import Pair, Side

_PROMPT = 121  # mean tokens of a published prompt, estimated at 0.65 a character
_PER_CJK = 0.65


@dataclass(frozen=True, slots=True)
class Shape:
    """The size of a Qwen2 classifier."""

    hidden: int
    inner: int
    layers: int
    heads: int
    kv_heads: int
    vocabulary: int

    @property
    def layer_parameters(self) -> int:
        """Weights of all layers: what a token is multiplied with (embeddings are looked up)."""
        kv = self.hidden * self.kv_heads // self.heads
        attention = 2 * self.hidden * self.hidden + 2 * self.hidden * kv
        return self.layers * (attention + 3 * self.hidden * self.inner)

    def operations(self, lengths: Sequence[int]) -> float:
        """Useful floating-point operations: linear layers, and causal attention's lower half."""
        n = np.asarray(lengths, dtype=np.float64)
        attention = 2.0 * self.layers * self.hidden * np.square(n).sum()
        return 2.0 * self.layer_parameters * float(n.sum()) + float(attention)


SHAPES = {
    "tiny": Shape(64, 128, 2, 4, 2, 4_000),
    "small": Shape(512, 1_408, 8, 8, 2, 32_000),
    "7b": Shape(3_584, 18_944, 28, 28, 4, 152_064),
}


def drawn_pairs(*, count: int, file: Path | None, longest: int, seed: int = 0) -> list[Pair]:
    """At most `count` pairs of a file in the official format, drawn at random, or made ones.

    Made texts have the published lengths and words as frequent as in the segmenter's dictionary.
    Of a longer text the first `longest` characters are kept; pairs that become one text by that
    are left out. Raises DataError for a file that holds no such pairs.
    """
    rng = np.random.default_rng(seed)
    if file is None:
        pairs = [_made_pair(number, rng) for number in range(count)]
    else:
        found = read_pairs(read_file(file), name=file.name, language="zh", genre_of=str).pairs
        pairs = [found[i] for i in rng.permutation(len(found))[:count]]
    cut = [
        dataclasses.replace(
            pair, chosen=_cut(pair.chosen, longest), rejected=_cut(pair.rejected, longest)
        )
        for pair in pairs
    ]
    kept = [pair for pair in cut if pair.chosen.response != pair.rejected.response]
    if not kept:
        raise DataError(f"{file}: no pair whose texts differ in their first {longest} characters")
    return kept


def _cut(side: Side, longest: int) -> Side:
    return dataclasses.replace(side, response=side.response[:longest])


def _made_pair(number: int, rng: np.random.Generator) -> Pair:
    texts = made_texts("zh", rng)
    prompt = next(texts)[: round(_PROMPT / _PER_CJK)]
    chosen, rejected = (Side(next(texts), None, None) for _ in range(2))
    name = f"made-{number}"
    return Pair(name, name, prompt, "made", "made", "zh", chosen, rejected, number + 1)


def official_row(pair: Pair) -> dict[str, Any]:
    """A pair as a row of a data file (docs/design.md 4.2)."""
    chosen, rejected = {"response": pair.chosen.response}, {"response": pair.rejected.response}
    row = {"prompt": pair.prompt, "prompt_id": pair.prompt_id, "tag": pair.tag}
    return {**row, "chosen": chosen, "rejected": rejected}
