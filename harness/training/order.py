"""In which order rows are trained on: by the seed and the epoch, whatever the machine.

Every step takes the same number of samples, so that it can be cut into any number of processes and
micro-batches: the last step of an epoch is filled up with blanks, of which nothing is learnt.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.training.targets import IGNORED


@dataclass(frozen=True, slots=True)
class Order:
    """The samples of all steps one after another: `places`, (steps * batch,), -1 for a blank.

    `tokens` are those seen after each step, (steps,).
    """

    places: npt.NDArray[np.int64]
    tokens: npt.NDArray[np.int64]
    an_epoch: int  # steps

    def epoch(self, step: int) -> float:
        """How many epochs are over after a step."""
        return round(step / self.an_epoch, 6)


def make_order(lengths: npt.NDArray[np.int64], *, batch: int, steps: int, seed: int) -> Order:
    """The order of `steps` of `batch` samples each; `lengths` are the tokens of a sample, (N,)."""
    n = len(lengths)
    an_epoch = math.ceil(n / batch)
    blanks = np.full(an_epoch * batch - n, -1, np.int64)
    epochs = [
        np.concatenate([np.random.default_rng([seed, epoch]).permutation(n), blanks])
        for epoch in range(math.ceil(steps / an_epoch))
    ]
    places = np.concatenate(epochs)[: steps * batch]
    sizes = np.append(lengths, 0)[places]  # a blank is the last
    return Order(places, sizes.reshape(steps, batch).sum(axis=1).cumsum(), an_epoch)


def in_order(rows: Any, order: Order, blank_id: int) -> Any:
    """The data set with its rows in the order of training, blanks among them."""
    from datasets import Dataset, concatenate_datasets

    if not (order.places < 0).any():
        return rows.select(order.places)
    blank: dict[str, list[Any]] = {"input_ids": [[blank_id]], "labels": [[IGNORED]]}
    if "seq_lengths" in rows.column_names:
        blank["seq_lengths"] = [[1]]
    one = Dataset.from_dict(blank, features=rows.features)
    whole = concatenate_datasets([rows, one])
    return whole.select(np.where(order.places < 0, len(rows), order.places))
