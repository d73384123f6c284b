"""Length columns, against values worked out by hand."""

from __future__ import annotations

import pytest
from metric_tables import tables

from harness.metrics.length import length


def test_lengths_and_verdicts_are_held_against_each_other():
    # two pairs whose chosen text is longer, one shorter, one equal
    run = tables(
        ["chosen", "tie", "rejected", "chosen"],
        chosen_chars=[9, 9, 5, 7],
        rejected_chars=[5, 5, 9, 7],
    )
    assert length(*run) == {
        "longer_accuracy": 0.5,
        "shorter_accuracy": 0.25,
        "longer_agreement": 1.0,  # the tie and the pair of equal lengths say nothing
        "accuracy_longer_chosen": 0.5,
        "accuracy_shorter_chosen": 0.0,
        "length_balanced_accuracy": 0.25,
    }


def test_longer_agreement_is_over_verdicts_and_the_accuracies_over_pairs():
    run = tables(
        [("chosen", "chosen"), ("chosen", "rejected"), ("rejected", "error")],
        chosen_chars=[9, 9, 5],
        rejected_chars=[5, 5, 9],
    )
    numbers = length(*run)
    assert numbers["longer_agreement"] == pytest.approx(4 / 5)
    assert numbers["accuracy_longer_chosen"] == 0.75
    assert numbers["accuracy_shorter_chosen"] == 0.0


def test_a_judge_of_length_alone_is_balanced_to_a_half():
    longer = [True] * 7 + [False] * 3
    run = tables(
        ["chosen" if is_longer else "rejected" for is_longer in longer],
        chosen_chars=[9 if is_longer else 5 for is_longer in longer],
        rejected_chars=[5 if is_longer else 9 for is_longer in longer],
    )
    numbers = length(*run)
    assert numbers["longer_accuracy"] == 0.7 and numbers["longer_agreement"] == 1.0
    assert numbers["length_balanced_accuracy"] == 0.5


def test_without_a_shorter_chosen_text_there_is_no_balance():
    numbers = length(*tables(["chosen", "rejected"]))
    assert numbers["accuracy_longer_chosen"] == 0.5
    assert numbers["accuracy_shorter_chosen"] is None
    assert numbers["length_balanced_accuracy"] is None


def test_of_no_pairs_every_length_number_is_null():
    assert set(length(*tables([])).values()) == {None}
