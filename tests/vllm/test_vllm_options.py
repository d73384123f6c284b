"""What is said of vllm: before any engine starts."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from harness.errors import UsageError
from harness.models.base import ModelRef, ModelSettings
from harness.models.vllm.engine import CPU_CORES, ENVIRONMENT, prepare, vllm_is_there
from harness.models.vllm.model import open_vllm


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"tensor_parallel": "2"}, "did you mean 'tensor_parallel_size'"),
        ({"max_model_len": "long"}, "max_model_len=long: a whole number"),
        ({"gpu_memory_utilization": "much"}, "a number"),
        ({"enforce_eager": "yes"}, "true or false"),
        ({"data_parallel_size": "all"}, "data_parallel_size=all: a whole number"),
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


def test_the_cores_of_a_cpu_are_dealt_out_to_the_parts_and_copies(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {3, 4, 8, 9, 12})
    for name in CPU_CORES, *ENVIRONMENT:
        monkeypatch.setenv(name, "")  # so that it is put back
        monkeypatch.delenv(name)
    prepare("cpu", {"tensor_parallel_size": 2, "data_parallel_size": 1})
    assert os.environ[CPU_CORES] == "3,8,12|4,9"
    prepare("cpu", {"data_parallel_size": 4})
    assert os.environ[CPU_CORES] == "3,8,12|4,9"  # what is set stays


def test_cores_are_left_alone_where_there_are_too_few_or_one_part(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1})
    for name in CPU_CORES, *ENVIRONMENT:
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    prepare("cpu", {})
    prepare("cuda", {"tensor_parallel_size": 2})
    prepare("cpu", {"tensor_parallel_size": 4})
    assert CPU_CORES not in os.environ
