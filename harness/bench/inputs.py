"""Models, texts and pairs to measure with: random weights, real shapes, real lengths."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from harness.models.base import Ids

# Quantiles of response length in tokens over 3,875 published responses (p5 25 50 75 90 99 max),
# with the mean prompt of 121 on top; tokens estimated at 0.65 a CJK character, 0.27 another.
_QUANTILES = (0.0, 0.05, 0.25, 0.50, 0.75, 0.90, 0.99)
_TOKENS = (30, 138, 419, 791, 1236, 1814, 5075)
_PROMPT = 121
_PER_CJK, _PER_OTHER = 0.65, 0.27


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


def make_classifier(shape: Shape, *, device: str, dtype: str) -> Any:
    """A randomly initialised Qwen2ForSequenceClassification, made on its device."""
    import torch
    import transformers

    config = transformers.Qwen2Config(
        vocab_size=shape.vocabulary,
        hidden_size=shape.hidden,
        intermediate_size=shape.inner,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        num_key_value_heads=shape.kv_heads,
        max_position_embeddings=32_768,
        num_labels=1,
        pad_token_id=0,
    )
    torch.manual_seed(0)
    before = torch.get_default_dtype()
    torch.set_default_dtype(getattr(torch, dtype))
    try:
        with torch.device(device):
            model = transformers.Qwen2ForSequenceClassification._from_config(
                config, attn_implementation="sdpa"
            )
    finally:
        torch.set_default_dtype(before)
    return model.eval()


def make_pairs(
    shape: Shape, *, count: int, file: Path | None, longest: int, seed: int = 0
) -> list[tuple[Ids, Ids]]:
    """Pairs of random token ids, with the lengths of a file of pairs or of the published pool."""
    rng = np.random.default_rng(seed)
    lengths = _file_lengths(file) if file else _drawn_lengths(rng, count)
    picked = [lengths[i % len(lengths)] for i in rng.permutation(max(count, 1))[:count]]
    rows = [
        [rng.integers(1, shape.vocabulary, min(n, longest), dtype=np.int32) for n in both]
        for both in picked
    ]
    return [(chosen, rejected) for chosen, rejected in rows]


def _drawn_lengths(rng: np.random.Generator, count: int) -> list[tuple[int, int]]:
    draws = np.interp(rng.uniform(0.0, 0.99, (count, 2)), _QUANTILES, _TOKENS)
    return [(int(a) + _PROMPT, int(b) + _PROMPT) for a, b in draws]


def write_pairs(path: Path, *, count: int, file: Path | None, seed: int = 0) -> None:
    """A JSONL of pairs: those of a file, over and over, or random characters of real lengths."""
    rows: Iterable[dict[str, Any]] = _made_rows(np.random.default_rng(seed), count)
    if file is not None:
        rows = itertools.islice(itertools.cycle(_read_rows(file)), count)
    with path.open("w", encoding="utf-8") as stream:
        for row in rows:
            stream.write(json.dumps(row, ensure_ascii=False) + "\n")


def _made_rows(rng: np.random.Generator, count: int) -> Iterator[dict[str, Any]]:
    for number, lengths in enumerate(_drawn_lengths(rng, count)):
        prompt, chosen, rejected = (
            "".join(map(chr, rng.integers(0x4E00, 0x9FA6, round(tokens / _PER_CJK))))
            for tokens in (_PROMPT, *(both - _PROMPT for both in lengths))
        )
        sides = {"chosen": {"response": chosen}, "rejected": {"response": rejected}}
        yield {"prompt": prompt, "prompt_id": f"made-{number}", "tag": "made", **sides}


def _read_rows(file: Path) -> list[dict[str, Any]]:
    with file.open(encoding="utf-8") as stream:
        return [json.loads(line) for line in stream if line.strip()]


def _file_lengths(file: Path) -> list[tuple[int, int]]:
    return [
        (
            _tokens(row["prompt"]) + _tokens(row["chosen"]["response"]),
            _tokens(row["prompt"]) + _tokens(row["rejected"]["response"]),
        )
        for row in _read_rows(file)
    ]


def _tokens(text: str) -> int:
    cjk = sum("\u4e00" <= character <= "\u9fff" for character in text)
    return max(1, round(_PER_CJK * cjk + _PER_OTHER * (len(text) - cjk)))
