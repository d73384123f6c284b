"""Causal attention inside each text of a pack, never across two.

Registered with transformers under PACKED; the linear layers then see one row of tokens without
padding, and a text's attention is computed as if it stood alone. Layers hand over `text_lengths`
(and `cu_seq_lens` on CUDA), which `engine.Engine` passes to the backbone. Where texts begin alike
the linear layers see what they share once; here every text gets its own whole again.
"""

from __future__ import annotations

from itertools import accumulate
from typing import Any

import torch
from torch.nn.functional import scaled_dot_product_attention

PACKED = "harness_packed"
_QUERY_BLOCK = 512  # rows of the score matrix held at once where it is written out


def register() -> None:
    """Make PACKED known to transformers; calling it again changes nothing."""
    from transformers import AttentionInterface, AttentionMaskInterface

    AttentionInterface.register(PACKED, packed_attention)
    AttentionMaskInterface.register(PACKED, _no_mask)


def _no_mask(*_: Any, **__: Any) -> None:
    """The pack needs no mask: texts are told apart by their lengths."""


def packed_attention(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    *,
    text_lengths: tuple[int, ...],
    text_rows: torch.Tensor | None = None,
    row_tokens: torch.Tensor | None = None,
    cu_seq_lens: torch.Tensor | None = None,
    scaling: float | None = None,
    sliding_window: int | None = None,
    softcap: float | None = None,
    dropout: float = 0.0,
    **_: Any,
) -> tuple[torch.Tensor, None]:
    """Attention over a pack.

    Shapes: query (1, heads, rows, dim), key and value (1, kv_heads, rows, dim); returns
    (1, rows, heads, dim). Rows are the tokens of the texts, unless some are shared: then
    `text_rows` (tokens,) is the row of every token and `row_tokens` (rows,) a token of every
    row. A `sliding_window` of W lets a token see itself and W - 1 before it, as in transformers.
    """
    if attention_mask is not None or dropout:
        raise ValueError("a pack takes neither a mask nor dropout")
    scale = query.shape[-1] ** -0.5 if scaling is None else scaling
    if text_rows is not None:
        query, key, value = (x.index_select(2, text_rows) for x in (query, key, value))
    if cu_seq_lens is not None and softcap is None:
        out = _varlen(query, key, value, cu_seq_lens, text_lengths, scale, sliding_window)
    else:
        out = _text_by_text(query, key, value, text_lengths, scale, sliding_window, softcap)
    return out if row_tokens is None else out.index_select(1, row_tokens), None


def _text_by_text(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    text_lengths: tuple[int, ...],
    scale: float,
    sliding_window: int | None,
    softcap: float | None,
) -> torch.Tensor:
    parts = []
    for end, length in zip(accumulate(text_lengths), text_lengths, strict=True):
        cut = slice(end - length, end)
        one = (query[:, :, cut], key[:, :, cut], value[:, :, cut])
        window = sliding_window if sliding_window and sliding_window < length else None
        if softcap is None and window is None:
            grouped = query.shape[1] != key.shape[1]
            out = scaled_dot_product_attention(
                *one, is_causal=True, scale=scale, enable_gqa=grouped
            )
        else:
            out = _written_out(*one, scale, window, softcap)
        parts.append(out)
    return torch.cat(parts, dim=2).transpose(1, 2).contiguous()


def _varlen(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    cu_seq_lens: torch.Tensor,
    text_lengths: tuple[int, ...],
    scale: float,
    sliding_window: int | None,
) -> torch.Tensor:
    """torch's own variable-length flash kernel (CUDA, half precision)."""
    from torch.nn.attention.varlen import varlen_attn

    longest = max(text_lengths)
    rows = [x[0].transpose(0, 1).contiguous() for x in (query, key, value)]
    out = varlen_attn(
        *rows,
        cu_seq_lens,
        cu_seq_lens,
        longest,
        longest,
        scale=scale,
        window_size=(sliding_window - 1 if sliding_window else -1, 0),
        enable_gqa=query.shape[1] != key.shape[1],
    )
    assert isinstance(out, torch.Tensor)
    return out.unsqueeze(0)


def _written_out(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    scale: float,
    window: int | None,
    softcap: float | None,
) -> torch.Tensor:
    """Soft-capped or windowed attention of one text, in blocks of queries.

    As transformers' eager Gemma-2: the scores are capped before the mask, the softmax is taken
    in float32.
    """
    groups = query.shape[1] // key.shape[1]
    if groups > 1:
        key, value = (x.repeat_interleave(groups, dim=1) for x in (key, value))
    length = query.shape[2]
    places = torch.arange(length, device=query.device)
    blocks = []
    for begin in range(0, length, _QUERY_BLOCK):
        rows = places[begin : begin + _QUERY_BLOCK, None]
        seen = places <= rows
        if window is not None:
            seen &= places > rows - window
        scores = query[:, :, begin : begin + _QUERY_BLOCK] @ key.transpose(2, 3) * scale
        if softcap is not None:
            scores = torch.tanh(scores / softcap) * softcap
        scores = scores.masked_fill(~seen, torch.finfo(scores.dtype).min)
        weights = torch.softmax(scores, dim=-1, dtype=torch.float32).to(value.dtype)
        blocks.append(weights @ value)
    return torch.cat(blocks, dim=2)
