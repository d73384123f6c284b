"""A tiny checkpoint that vLLM takes: it wants heads of 32 numbers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

# little memory, and no look at a hub: read by vLLM when it is imported
ENVIRONMENT = {
    "HF_HUB_OFFLINE": "1",
    "VLLM_CPU_KVCACHE_SPACE": "1",
    "VLLM_NO_USAGE_STATS": "1",
}


@pytest.fixture(scope="session", autouse=True)
def _environment() -> None:
    import os

    os.environ.update(ENVIRONMENT)


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Qwen2 whose tokenizer adds a BOS, whose template writes one, and which has a
    generation_config of its own."""
    from tiny import byte_tokenizer, tiny_model

    path = tmp_path_factory.mktemp("vllm") / "tiny"
    shape = {"hidden_size": 128, "max_position_embeddings": 4096}
    tiny_model("qwen2", "ForCausalLM", eos_token_id=2, **shape).save_pretrained(path)
    byte_tokenizer(post_bos=True).save_pretrained(path)
    own = json.loads((path / "generation_config.json").read_text())
    own |= {"repetition_penalty": 1.9, "do_sample": True, "top_k": 2}
    (path / "generation_config.json").write_text(json.dumps(own))
    return path
