"""What is said of vllm: before any engine starts."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import UsageError
from harness.models.base import ModelRef, ModelSettings
from harness.models.vllm.engine import vllm_is_there
from harness.models.vllm.model import open_vllm


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"tensor_parallel": "2"}, "did you mean 'tensor_parallel_size'"),
        ({"max_model_len": "long"}, "max_model_len=long: a whole number"),
        ({"gpu_memory_utilization": "much"}, "a number"),
        ({"enforce_eager": "yes"}, "true or false"),
    ],
)
def test_an_option_that_is_unknown_or_no_value_is_named(
    options: dict[str, str], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        open_vllm(ModelRef("vllm", "x", options), ModelSettings())


@pytest.mark.skipif(vllm_is_there(), reason="vLLM is installed")
def test_without_vllm_the_message_names_the_extra(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"writing-harness\[vllm\]"):
        open_vllm(ModelRef("vllm", str(tmp_path), {}), ModelSettings())
