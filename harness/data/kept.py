"""Pairs held in memory, whose columns are worked out once."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from harness.records import Pair

if TYPE_CHECKING:
    from harness.data.columns import PairColumns


class KeptPairs(tuple[Pair, ...]):
    """A tuple of pairs that remembers their columns."""

    @cached_property
    def columns(self) -> PairColumns:
        """What is needed of the pairs without their texts."""
        from harness.data.column_builder import columns_of_texts

        return columns_of_texts(self)
