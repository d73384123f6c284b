"""The batching rule: every item once, longest first, within the budget, whatever the file's order."""

from __future__ import annotations

import random

import numpy as np
import pytest

from harness.batching import MAX_PADDING, Budget, plan_batches

LENGTHS = [3, 900, 14, 14, 250, 1, 77, 2048, 30, 14]
IDS = [f"id{number}" for number in range(len(LENGTHS))]


@pytest.mark.parametrize(
    "budget", [Budget(1), Budget(100), Budget(1000, 2), Budget(4000, None, True)]
)
def test_every_item_stands_in_one_batch_longest_first(budget: Budget) -> None:
    flat = [item for batch in plan_batches(LENGTHS, IDS, budget).batches for item in batch]
    assert sorted(flat) == list(range(len(LENGTHS)))
    assert [LENGTHS[item] for item in flat] == sorted(LENGTHS, reverse=True)


@pytest.mark.parametrize("padded", [False, True])
@pytest.mark.parametrize("tokens", [1, 50, 500, 5000])
def test_no_batch_of_several_texts_exceeds_the_budget(tokens: int, padded: bool) -> None:
    for batch in plan_batches(LENGTHS, IDS, Budget(tokens, None, padded)).batches:
        cost = (
            max(LENGTHS[i] for i in batch) * len(batch)
            if padded
            else sum(LENGTHS[i] for i in batch)
        )
        assert len(batch) == 1 or cost <= tokens


def test_batch_size_bounds_the_texts_in_a_batch() -> None:
    plan = plan_batches(LENGTHS, IDS, Budget(10**9, 3))
    assert max(map(len, plan.batches)) == 3
    assert len(plan.batches) == 4


def test_the_plan_does_not_depend_on_the_order_of_the_items() -> None:
    plan = plan_batches(LENGTHS, IDS, Budget(300))
    order = list(range(len(LENGTHS)))
    random.Random(1).shuffle(order)
    shuffled = plan_batches([LENGTHS[i] for i in order], [IDS[i] for i in order], Budget(300))
    assert shuffled.sha256 == plan.sha256


def test_items_that_begin_alike_stand_side_by_side_in_a_pack() -> None:
    groups = np.array([5, 5, 9, 7, 9, 5], np.uint64)
    lengths, ids = [10, 90, 40, 60, 50, 20], list("abcdef")
    plan = plan_batches(lengths, ids, Budget(150), groups)
    assert list(plan.batches) == [(1, 5, 0), (3, 4, 2)]  # 90+20+10; then 60, 50+40
    padded = plan_batches(lengths, ids, Budget(150, None, True), groups)
    assert [i for batch in padded.batches for i in batch] == [1, 3, 4, 2, 5, 0]
    order = [3, 0, 5, 1, 4, 2]
    shuffled = plan_batches(
        [lengths[i] for i in order], [ids[i] for i in order], Budget(150), groups[order]
    )
    assert shuffled.sha256 == plan.sha256


def test_the_padding_share_is_what_a_hand_count_gives() -> None:
    # batches [100, 98] and [2]: 200 + 2 tokens computed, 200 of them real
    plan = plan_batches([98, 2, 100], ["a", "b", "c"], Budget(1000, None, True))
    assert list(plan.batches) == [(2, 0), (1,)]
    assert plan.padding_share == pytest.approx(2 / 202)
    assert plan_batches([98, 2, 100], ["a", "b", "c"], Budget(1000)).padding_share == 0.0


def test_padding_stays_under_three_percent_whatever_the_budget() -> None:
    rng = random.Random(4)
    lengths = [int(rng.lognormvariate(6.5, 0.8)) + 1 for _ in range(600)]
    plan = plan_batches(lengths, [str(i) for i in range(600)], Budget(10**9, None, True))
    assert plan.padding_share <= MAX_PADDING
    assert len(plan.batches) < 150


def test_nothing_to_do_is_a_plan_of_no_batches() -> None:
    assert list(plan_batches([], [], Budget(10)).batches) == []
