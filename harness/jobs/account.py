"""What a chat model's calls came to, as a manifest says it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.models import ChatModel
from harness.store import Folder
from harness.stored import usage


def account(
    folder: Folder, model: ChatModel, start: Mapping[str, Any], **counts: int
) -> dict[str, Any]:
    """What the manifest says of the calls; `start` is what the model had counted before, `counts`
    what there is to say beside tokens and calls."""
    spent = usage(folder.path)
    return {
        "model": {"name": model.name, "backend": model.backend, **model.facts()},
        "counts": {
            **counts,
            **_spent(folder, start, model.facts(), spent.lines),
            **spent.tokens,
        },
    }


def _spent(
    folder: Folder, start: Mapping[str, Any], end: Mapping[str, Any], lines: int
) -> dict[str, Any]:
    """Calls and retries of this call, added to those the manifest counts already.

    A model counts through all tasks of a command; a folder is for one. A command that was killed
    left no count: each of the `lines` on disk took a call at least.
    """
    counts = folder.manifest["counts"]
    before, began = counts.get("retries", {}), start.get("retries", {})
    retries = {
        kind: n - began.get(kind, 0) + before.get(kind, 0)
        for kind, n in end.get("retries", {}).items()
    }
    calls = end.get("calls", 0) - start.get("calls", 0)
    return {
        "calls": max(counts.get("calls", 0) + calls, lines),
        "retries": {**before, **retries},
    }
