"""What texts begin with in common is computed once, and moves no score."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
from tiny import FAMILIES, tiny_model

from harness.models.attention import PACKED, register
from harness.models.engine import Engine
from harness.models.prefixes import shared_prefixes


def rows(*texts: list[int]) -> list[Any]:
    return [np.array(text, dtype=np.int32) for text in texts]


def drawn(seed: int) -> list[Any]:
    """Texts of two letters, which often begin alike; some are the beginning of another."""
    rng = random.Random(seed)
    return rows(*([rng.randint(0, 1) for _ in range(rng.randint(1, 9))] for _ in range(12)))


@pytest.mark.parametrize("seed", range(20))
def test_a_row_stands_for_tokens_with_the_same_beginning(seed: int) -> None:
    texts = drawn(seed)
    shared = shared_prefixes(texts)
    assert shared is not None
    beginnings = [tuple(text[: place + 1]) for text in texts for place in range(len(text))]
    assert len(shared.rows) == len(beginnings)
    assert set(shared.rows) == set(range(len(shared.firsts)))
    for row, beginning in zip(shared.rows, beginnings, strict=True):
        assert beginnings[shared.firsts[row]] == beginning


def test_neighbours_of_one_prompt_share_it() -> None:
    shared = shared_prefixes(rows([7, 8, 9, 1], [7, 8, 9, 2, 3], [7, 8, 4]))
    assert shared is not None
    assert shared.rows.tolist() == [0, 1, 2, 3, 0, 1, 2, 4, 5, 0, 1, 6]
    assert shared.firsts.tolist() == [0, 1, 2, 3, 7, 8, 11]


def test_a_begin_token_alone_is_not_worth_it() -> None:
    assert shared_prefixes(rows([1, *range(10, 99)], [1, *range(200, 299)])) is None
    assert shared_prefixes(rows([1, 2, 3])) is None


@pytest.mark.parametrize("family", FAMILIES)
def test_states_are_those_of_each_text_alone(family: str) -> None:
    model = tiny_model(family).model
    register()
    model.set_attn_implementation(PACKED)
    engine = Engine(model, "packed")
    rng = np.random.default_rng(3)
    prompt, other = (rng.integers(3, 400, n).astype(np.int32) for n in (60, 41))
    texts = [
        np.concatenate([start, rng.integers(3, 400, n).astype(np.int32)])
        for start, n in ((prompt, 30), (prompt, 200), (prompt, 1), (other, 50), (other, 33))
    ]
    texts += [texts[-1], texts[-1][:50]]  # the same text again, and its beginning
    seen: list[int] = []
    model.register_forward_pre_hook(
        lambda *call: seen.append(call[2]["input_ids"].numel()), with_kwargs=True
    )
    places = [slice(len(text) // 3, None) for text in texts]
    together = engine.hidden(texts, places)
    assert seen == [60 + 30 + 200 + 1 + 41 + 50 + 33]
    for text, place, states in zip(texts, places, together, strict=True):
        alone = engine.hidden([text], [place])[0]
        assert states.shape == alone.shape
        assert float((states - alone).abs().max()) < 1e-4 * float(alone.abs().max())
