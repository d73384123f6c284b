"""Checkpoints on disk, made once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason="needs the hf extra")
pytest.importorskip("transformers", reason="needs the hf extra")


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Saves a tiny checkpoint once for each set of arguments and hands back its folder."""
    made: dict[str, Path] = {}

    def make(
        family: str = "qwen2", head: str = "ForSequenceClassification", **changes: Any
    ) -> Path:
        key = repr((family, head, sorted(changes.items())))
        if key not in made:
            from tiny import byte_tokenizer, tiny_model

            folder = tmp_path_factory.mktemp("checkpoint") / f"tiny-{family}"
            tiny_model(family, head, **changes).save_pretrained(folder)
            byte_tokenizer().save_pretrained(folder)
            made[key] = folder
        return made[key]

    return make
