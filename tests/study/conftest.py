"""One study in tiny sizes, judged by a server on loopback, for all tests of studies."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fault_server import FaultServer
from judged import Changing
from server_client import clear_environment
from tiny_study import drawn, tiny

from harness.study.run import StudyResult


@pytest.fixture(scope="session")
def answers() -> Changing:
    return Changing(drawn())


@pytest.fixture(scope="session")
def server(answers: Changing) -> Iterator[FaultServer]:
    with pytest.MonkeyPatch.context() as patched:
        clear_environment(patched)
        patched.setenv("HF_HUB_OFFLINE", "1")
        with FaultServer(answers) as running:
            yield running


@pytest.fixture(scope="session")
def judge(server: FaultServer) -> tuple[str, ...]:
    """A judge on loopback, asked one thing at a time."""
    args = f"judge.model_args=base_url={server.url}"
    return ("judge.model=openai:m", args, "judge.flags.num_concurrent=1")


@pytest.fixture(scope="session")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("whole")


@pytest.fixture(scope="session")
def whole(out: Path, judge: tuple[str, ...]) -> StudyResult:
    """The study, unbroken."""
    pytest.importorskip("torch", reason="needs the extra hf")
    pytest.importorskip("trl", reason="needs the extra train")
    return tiny(out, judge)
