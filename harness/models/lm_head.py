"""From hidden states to log-probabilities in float32, never the whole logits tensor at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from harness.errors import ModelError
from harness.models.base import Ids
from harness.models.engine import Engine, inference_on, to_device
from harness.models.linears import Prepacked

# float32 logits held at once, whatever the vocabulary: 64 MB, and 512 MB on a GPU
_CELLS, _CELLS_CUDA = 1 << 24, 1 << 27


class LmHead:
    """The output layer of a causal LM, with Gemma-2's final soft-capping where configured."""

    def __init__(self, model: Any, engine: Engine, where: str, *, onednn: bool = False) -> None:
        layer = model.get_output_embeddings()
        self._device = layer.weight.device
        self._layer = Prepacked(layer) if onednn else layer
        self._cap = getattr(model.config, "final_logit_softcapping", None)
        cells = _CELLS_CUDA if self._device.type == "cuda" else _CELLS
        self._rows = max(1, cells // int(layer.weight.shape[0]))
        self._check(model, engine, where)

    def _check(self, model: Any, engine: Engine, where: str) -> None:
        """Some families scale or shift their logits; one probe tells whether this one does."""
        probe: Ids = np.arange(1, 5, dtype=np.int32)
        with inference_on(engine.device):
            states = engine.hidden([probe], [slice(None)])[0]
            mine = self._logits(states.to(self._device)).log_softmax(-1)
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

    def log_likelihoods(
        self, states: Sequence[torch.Tensor], targets: Sequence[Ids]
    ) -> list[float]:
        """Sum of log p(target) over each text's (n, width) states; 0.0 for none."""
        lengths = [len(row) for row in targets]
        with inference_on(self._device):
            rows = torch.cat(list(states)).to(self._device)
            wanted = to_device(np.concatenate(targets).astype(np.int64), self._device)
            # the float64 sum keeps a long text's total exact to float32's last place
            logps = torch.cat(
                [
                    self._log_p(*both).double()
                    for both in zip(rows.split(self._rows), wanted.split(self._rows), strict=True)
                ]
            )
            sums = torch.stack([part.sum() for part in logps.split(lengths)])
            totals: list[float] = sums.tolist()
        return totals

    def _log_p(self, states: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        logits = self._logits(states)
        return logits.gather(1, targets[:, None])[:, 0] - logits.logsumexp(-1)

    def _logits(self, states: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self._layer(states).float()
        if self._cap is not None:
            logits = torch.tanh(logits / self._cap) * self._cap
        return logits
