"""The rows that are answered together: they join, gain a token a step, and leave when they end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from harness.models.base import ChatRequest
from harness.models.chat import cache
from harness.models.chat.sampler import pick
from harness.specs import Sampling

NOT_FINITE = "the model gave no finite number for the next token"
_MEMORY_SHARE = 0.6  # of what is free, for the cache; forward passes need the rest


@dataclass(slots=True, eq=False)
class Row:
    """An answer in the making: `room` is how many tokens it may have at most, `opened` whether
    the prompt ends inside a thought.

    The one record that grows: a row that had to leave for want of memory is read in again with
    the tokens it has, and goes on from there.
    """

    request: ChatRequest
    prompt: list[int]
    room: int
    opened: bool = False
    out: list[int] = field(default_factory=list)
    over: bool = False

    @property
    def ids(self) -> list[int]:
        """Prompt and answer so far."""
        return self.prompt + self.out

    @property
    def most(self) -> int:
        """Tokens it will have at most."""
        return len(self.prompt) + self.room


@dataclass(frozen=True, slots=True)
class Rules:
    """How tokens are picked, which end an answer, and whom an answer that ended is handed to.

    `stopped` looks for a stop string in the tokens so far. `over` gets the row and either a
    finish_reason or what went wrong.
    """

    sampling: Sampling
    ends: frozenset[int]
    stopped: Callable[[Sequence[int]], bool]
    over: Callable[[Row, str | None, str | None], None]

    def advance(self, rows: Sequence[Row], logits: torch.Tensor) -> list[int]:
        """Give each row its next token; the places of those that have not ended."""
        logits = logits.float()
        broken = (~logits.amax(-1).isfinite()).tolist()
        seeds = [row.request.seed for row in rows]
        tokens = pick(logits, self.sampling, seeds, [len(row.out) for row in rows])
        going = []
        for place, (row, token) in enumerate(zip(rows, tokens, strict=True)):
            if broken[place]:
                self.end(row, error=NOT_FINITE)
                continue
            row.out.append(token)
            if token in self.ends or self.stopped(row.out):
                self.end(row, "stop")
            elif len(row.out) >= row.room:
                self.end(row, "length")
            else:
                going.append(place)
        return going

    def end(self, row: Row, reason: str | None = None, error: str | None = None) -> None:
        """Hand a row over."""
        row.over = True
        self.over(row, reason, error)


class Flight:
    """The rows being answered, their cache, and which of its columns each of them uses."""

    def __init__(self, model: Any) -> None:
        self.model = model
        self.rows: list[Row] = []
        self._cache: Any = None
        self._mask = torch.empty(0, 0, dtype=torch.long)

    def admit(self, rows: Sequence[Row], rules: Rules) -> None:
        """Read rows in, give each its next token, and let those that go on join the others."""
        ids = [row.ids for row in rows]
        width = max(map(len, ids))
        padded = torch.tensor([[0] * (width - len(row)) + row for row in ids])
        lengths = torch.tensor([len(row) for row in ids])
        mask = (torch.arange(width)[None] >= width - lengths[:, None]).long()
        positions = (mask.cumsum(-1) - 1).clamp(min=0)
        other = Flight(self.model)
        other._cache = cache.new_cache(self.model.config)
        other._mask = mask.to(self.model.device)
        other.rows = list(rows)
        other.keep(rules.advance(rows, other._forward(padded, positions)))
        if not other.rows:
            return
        if self.rows:
            width = max(self._mask.shape[1], other._mask.shape[1])
            self._set_width(width)
            other._set_width(width)
            cache.join_rows(self._cache, other._cache)
            self._mask = torch.cat([self._mask, other._mask])
        else:
            self._cache, self._mask = other._cache, other._mask
        self.rows = self.rows + other.rows

    def step(self, rules: Rules) -> None:
        """One token more for every row."""
        self._mask = torch.nn.functional.pad(self._mask, (0, 1), value=1)
        last = torch.tensor([[row.out[-1]] for row in self.rows])
        positions = torch.tensor([[len(row.prompt) + len(row.out) - 1] for row in self.rows])
        self.keep(rules.advance(self.rows, self._forward(last, positions)))

    def keep(self, places: Sequence[int]) -> None:
        """Let the other rows go, and with them the columns that only they used."""
        if len(places) == len(self.rows):
            return
        self.rows = [self.rows[place] for place in places]
        if not self.rows:
            self.clear()
            return
        cache.keep_rows(self._cache, places)
        self._mask = self._mask[torch.tensor(places, device=self._mask.device)]
        # the newest token of a row is not in the cache yet
        self._set_width(max(len(row.prompt) + len(row.out) for row in self.rows) - 1)

    def clear(self) -> list[Row]:
        """Forget everything; the rows that were in flight."""
        rows, self.rows, self._cache = self.rows, [], None
        return rows

    def tokens_that_fit(self) -> int | None:
        """How many tokens the free memory should hold, those in flight included."""
        if self._cache is None:
            return None
        free = cache.free_bytes(self._cache)
        if free is None:
            return None
        each = cache.bytes_per_token(self._cache)
        return int(_MEMORY_SHARE * (free + each * self._mask.numel()) / each)

    def _set_width(self, width: int) -> None:
        cache.set_width(self._cache, width)
        missing = width - self._mask.shape[1]
        self._mask = torch.nn.functional.pad(self._mask, (missing, 0))

    def _forward(self, ids: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
        device = self.model.device
        with torch.inference_mode():
            output = self.model(
                input_ids=ids.to(device),
                attention_mask=self._mask,
                position_ids=positions.to(device),
                past_key_values=self._cache,
                use_cache=True,
                logits_to_keep=1,
            )
        logits: torch.Tensor = output.logits[:, -1]
        return logits
