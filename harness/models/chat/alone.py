"""Answers one prompt at a time through transformers' own generate: for models that keep more than
keys and values, whose positions depend on the length of the input, or that bring their own code.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch

from harness.models.chat.flight import Row, Rules
from harness.models.chat.generate import TOO_LARGE


def generate_alone(model: Any, windows: Iterator[list[Row]], rules: Rules) -> None:
    """Answer every row; tokens are picked and answers ended by our rules, not by the checkpoint's
    generation_config."""
    for window in windows:
        for row in window:
            try:
                _one(model, row, rules)
                continue
            except torch.OutOfMemoryError:
                pass  # what the exception holds on to is freed before the next row
            if torch.cuda.is_available():
                torch.cuda.empty_cache()
            rules.end(row, error=TOO_LARGE)


def _one(model: Any, row: Row, rules: Rules) -> None:
    from transformers import GenerationConfig

    def choose(_: torch.Tensor, logits: torch.Tensor) -> torch.Tensor:
        """All but the token that our rules pick is made impossible."""
        rules.advance([row], logits)
        forced = torch.full_like(logits, -torch.inf)
        forced[0, row.out[-1] if row.out else 0] = 0.0
        return forced

    def ended(_: torch.Tensor, __: torch.Tensor) -> torch.Tensor:
        return torch.tensor([row.over], device=model.device)

    ids = torch.tensor([row.prompt], device=model.device)
    config = GenerationConfig(max_new_tokens=row.room, do_sample=False, pad_token_id=0)
    with torch.inference_mode():
        model.generate(
            ids,
            attention_mask=torch.ones_like(ids),
            generation_config=config,
            logits_processor=[choose],
            stopping_criteria=[ended],
        )
