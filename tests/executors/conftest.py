"""A tiny reward model and a tiny chat model on disk, pairs to judge, and ray started once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from rows import rows, write_rows

pytest.importorskip("ray", reason="needs the ray extra")
pytest.importorskip("torch", reason="needs the hf extra")


@pytest.fixture(scope="session")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `reward` and `chat`, two tiny Qwen2 of random weights."""
    from tiny import byte_tokenizer, tiny_model

    folder = tmp_path_factory.mktemp("checkpoints")
    for name, head in (("reward", "ForSequenceClassification"), ("chat", "ForCausalLM")):
        tiny_model("qwen2", head, max_position_embeddings=8192).save_pretrained(folder / name)
        byte_tokenizer().save_pretrained(folder / name)
    return folder


@pytest.fixture(scope="session")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_rows(tmp_path_factory.mktemp("pairs") / "pairs.json", rows(40))


@pytest.fixture(scope="module")
def cluster() -> Iterator[None]:
    """Ray with room for two workers, which every run of this process joins."""
    import os

    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    import ray

    ray.init(
        address="local", num_cpus=2, include_dashboard=False, log_to_driver=False,
        logging_level="ERROR",
    )  # fmt: skip
    yield
    ray.shutdown()
