"""The demo study in tiny sizes: two models of a few thousand weights, three prompts a language."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fault_server import Reply, answer
from judged import Body, chance

from harness.study.run import StudyResult, run_study

NETWORK = (
    "model={hidden_size: 16, intermediate_size: 32, num_hidden_layers: 1, num_attention_heads: 2, "
    "num_key_value_heads: 1, max_position_embeddings: 2048}"
)
ALL = ["train mixed", "train creative", "write mixed", "write creative", "judge"]
TINY = (
    NETWORK, "tokenizer.vocab_size=400", "max_length=256", "contamination=none", "max_steps=30",
    "save_steps=1", "global_batch_size=2", "micro_batch_size=2", "data.creative.n=6",
    "data.creative.eval_n=2", "data.general_zh.n=4", "data.general_en.n=4", "limit=3",
    "writing.gen_kwargs=max_tokens=12", "writing.flags.batch_size=1",
)  # fmt: skip


def tiny(out: Path, more: tuple[str, ...] = (), **changes: bool) -> StudyResult:
    """The study in this process (its stages are processes of their own)."""
    return run_study("demo", output_path=out, overrides=[*TINY, *more], **changes)


def started(out: Path, more: tuple[str, ...] = ()) -> subprocess.Popen[str]:
    """The same by the command line, in a process of its own."""
    sets = [f"--set={text}" for text in (*TINY, *more)]
    command = ["-m", "harness", "study", "demo", *sets, "--output_path", str(out)]
    return subprocess.Popen(
        [sys.executable, *command],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "HF_HUB_OFFLINE": "1"},
    )


def when(process: subprocess.Popen[str], there: Callable[[], object], seconds: int = 180) -> None:
    """Wait until something is there; the process must be running still."""
    deadline = time.monotonic() + seconds
    while not there():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline, "it never came to that"
        time.sleep(0.005)


def drawn(delay: float = 0.0) -> Callable[[Body], Reply]:
    """A judge whose verdicts are drawn by what it is shown, after so many seconds."""

    def reply(body: Body) -> Reply:
        return answer("[[A]]" if chance(body) < 0.5 else "[[B]]", delay=delay)

    return reply


def read(path: Path) -> Any:
    """A JSON file."""
    return json.loads(path.read_text(encoding="utf-8"))
