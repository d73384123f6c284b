"""Picks the next token of every row: the likeliest, or by noise that is the row's own.

A token is drawn as argmax(logit / temperature + G) with G Gumbel noise, which draws from the
softmax (docs/design.md 5.12). The noise of a token is a function of (seed, step, token id) alone:
not of neighbours, of what was drawn before in this process, or of which tokens top_k and top_p
leave. That is why computing it only for those they leave gives the same pick as computing it for
all, and why a rounding error in a logit changes a pick no more often than it changes the law.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import torch

from harness.specs import Sampling

# Logits drawn from at once: a row of a large vocabulary on a CPU (its caches hold that), many on a
# GPU, where every operation costs a launch.
_CELLS = {"cpu": 1 << 18}
_CELLS_ELSEWHERE = 1 << 24
_WIDTHS = (1024, 16_384)  # likeliest tokens that top_p looks at before it sorts all of them


def pick(
    logits: torch.Tensor, sampling: Sampling, seeds: Sequence[int], steps: Sequence[int]
) -> list[int]:
    """A token id a row. `logits` (rows, vocabulary) float32; `steps` count from 0.

    Temperature comes first, then top_k, then top_p of what top_k leaves.
    """
    if sampling.temperature == 0:
        return [int(token) for token in logits.argmax(-1).tolist()]
    cells = _CELLS.get(logits.device.type, _CELLS_ELSEWHERE)
    height = max(1, cells // logits.shape[1])
    picked: list[int] = []
    for begin in range(0, len(seeds), height):
        cut = slice(begin, begin + height)
        values, ids = survivors(logits[cut] / sampling.temperature, sampling.top_k, sampling.top_p)
        keys = [stream(seed, step) for seed, step in zip(seeds[cut], steps[cut], strict=True)]
        noise = gumbel(torch.tensor(keys, device=logits.device)[:, None], ids)
        best = noise.add_(values).argmax(-1, keepdim=True)
        picked += ids.expand_as(values).gather(1, best)[:, 0].tolist()
    return picked


def survivors(
    logits: torch.Tensor, top_k: int | None, top_p: float | None
) -> tuple[torch.Tensor, torch.Tensor]:
    """The logits and ids (rows or 1, m) that top_k and top_p leave; -inf where a row leaves fewer.

    top_p keeps the likeliest tokens until their share reaches it: the token that does is kept.
    """
    vocabulary = logits.shape[1]
    whole = top_p is None or top_p >= 1
    if top_k is not None and top_k < vocabulary:
        values, ids = logits.topk(top_k)
        total = values.logsumexp(-1, keepdim=True)
    elif whole:
        return logits, torch.arange(vocabulary, device=logits.device)[None]
    else:
        total = logits.logsumexp(-1, keepdim=True)
        for width in (*_WIDTHS, vocabulary):
            values, ids = logits.topk(min(width, vocabulary))
            if bool(((values - total).double().exp().sum(-1) >= top_p).all()):
                break
    if whole:
        return values, ids
    shares = (values - total).double().exp()
    kept = shares.cumsum(-1) - shares < top_p
    width = int(kept.sum(-1).max())
    return values.masked_fill(~kept, -torch.inf)[:, :width], ids[:, :width]


def stream(seed: int, step: int) -> int:
    """Where the noise of one step of one row begins: 64 bits of sha256, as a signed integer."""
    digest = hashlib.sha256(f"{seed}\0{step}".encode()).digest()
    return int.from_bytes(digest[:8], "big", signed=True)


def gumbel(keys: torch.Tensor, ids: torch.Tensor) -> torch.Tensor:
    """Standard Gumbel noise in float32, a number a (key, token id).

    The uniform number behind it is the top 53 bits of output number `id` of SplitMix64 (Steele,
    Lea and Flood 2014) started at `key`: any output of it can be had without those before.
    """
    mixed = keys + (ids + 1) * _GOLDEN
    shifted = torch.empty_like(mixed)
    for bits, factor in ((30, _MIX_1), (27, _MIX_2), (31, 1)):
        mixed ^= _shift(mixed, bits, out=shifted)
        mixed *= factor
    # -log(-log(1 - v)): small v are exact in float32, and they make the large noise that decides
    uniform = _shift(mixed, 11, out=shifted).float().add_(0.5).mul_(2.0**-53)
    return uniform.neg_().log1p_().neg_().log_().neg_()


def _shift(value: torch.Tensor, bits: int, *, out: torch.Tensor) -> torch.Tensor:
    """Shift right without the sign: torch has no unsigned arithmetic."""
    torch.bitwise_right_shift(value, bits, out=out)
    out &= (1 << (64 - bits)) - 1
    return out


def _signed(value: int) -> int:
    return value - (1 << 64) if value >> 63 else value


_GOLDEN = _signed(0x9E3779B97F4A7C15)
_MIX_1 = _signed(0xBF58476D1CE4E5B9)
_MIX_2 = _signed(0x94D049BB133111EB)
