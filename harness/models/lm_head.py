"""From hidden states to log-probabilities in float32, never the whole logits tensor at once."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from harness.errors import ModelError
from harness.models.base import Ids
from harness.models.engine import Engine

_CELLS = 1 << 24  # float32 logits held at once: 64 MB, whatever the vocabulary


class LmHead:
    """The output layer of a causal LM, with Gemma-2's final soft-capping where configured."""

    def __init__(self, model: Any, engine: Engine, where: str) -> None:
        self._layer = model.get_output_embeddings()
        self._cap = getattr(model.config, "final_logit_softcapping", None)
        self._rows = max(1, _CELLS // int(self._layer.weight.shape[0]))
        self._check(model, engine, where)

    def _check(self, model: Any, engine: Engine, where: str) -> None:
        """Some families scale or shift their logits; one probe tells whether this one does."""
        probe: Ids = np.arange(1, 5, dtype=np.int32)
        with torch.inference_mode():
            states = engine.hidden([probe], [slice(None)])[0]
            mine = self._logits(states).log_softmax(-1)
            # the same states through the model's own forward, so that only the head can differ
            lengths = {"text_lengths": (4,)} if engine.kind == "packed" else {}
            ids = torch.as_tensor(probe, dtype=torch.long, device=engine.device)[None]
            own = model(input_ids=ids, use_cache=False, **lengths).logits[0].float()
        difference = float((mine - own.log_softmax(-1)).abs().max())
        if difference > (1e-3 if engine.dtype == torch.float32 else 0.3):
            raise ModelError(
                f"{where}: the model changes its logits after the output layer in a way not "
                f"known here (off by {difference:.3g}); its likelihoods would be wrong"
            )

    def log_likelihood(self, states: torch.Tensor, targets: Ids) -> float:
        """Sum of log p(target) over (n, width) states; 0.0 for none."""
        total = 0.0
        with torch.inference_mode():
            wanted = torch.as_tensor(targets, dtype=torch.long, device=states.device)
            for begin in range(0, len(wanted), self._rows):
                cut = slice(begin, begin + self._rows)
                logits = self._logits(states[cut])
                picked = logits.gather(1, wanted[cut, None])[:, 0]
                # the float64 sum keeps a long text's total exact to float32's last place
                total += float((picked - logits.logsumexp(-1)).double().sum())
        return total

    def _logits(self, states: torch.Tensor) -> torch.Tensor:
        logits = self._layer(states.to(self._layer.weight.device)).float()
        if self._cap is not None:
            logits = torch.tanh(logits / self._cap) * self._cap
        return logits
