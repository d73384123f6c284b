"""The order of training: every row once an epoch, the same however a step is cut."""

from __future__ import annotations

import numpy as np
import pytest

from harness.training.order import make_order

LENGTHS = np.arange(10, 43)  # 33 rows


def test_every_epoch_holds_every_row_once_and_the_last_step_is_filled_with_blanks() -> None:
    order = make_order(LENGTHS, batch=8, steps=10, seed=0)
    assert order.an_epoch == 5 and order.places.shape == (80,)
    for epoch in (order.places[:40], order.places[40:]):
        assert sorted(epoch[:33]) == list(range(33)) and (epoch[33:] == -1).all()
    assert list(order.places[:33]) != list(order.places[40:73])


def test_tokens_are_those_of_rows_and_not_of_blanks() -> None:
    order = make_order(LENGTHS, batch=8, steps=7, seed=3)
    assert order.tokens[4] == LENGTHS.sum()
    assert order.tokens[0] == LENGTHS[order.places[:8]].sum()
    assert len(order.tokens) == 7 and order.epoch(7) == 1.4


@pytest.mark.parametrize("steps", [1, 4, 5, 6])
def test_a_shorter_training_is_the_beginning_of_a_longer_one(steps: int) -> None:
    short, long = (make_order(LENGTHS, batch=8, steps=n, seed=1) for n in (steps, 20))
    assert (short.places == long.places[: len(short.places)]).all()


def test_another_seed_is_another_order() -> None:
    one, other = (make_order(LENGTHS, batch=8, steps=5, seed=seed) for seed in (0, 1))
    assert (one.places != other.places).any()
