"""Runs exported by `harness report --format lm_eval`, for the tests of this folder."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result
from rows import row, rows, write_rows
from written import jsonl, prompts, texts

from harness.cli.report import report
from harness.models.base import ModelSettings
from harness.request import RunRequest
from harness.runner import run

PAIRS = "wpb_zh"


@dataclass(frozen=True)
class Export:
    """A run, and the two files made of it."""

    run: Any
    results: dict[str, Any]
    samples: list[dict[str, Any]]
    files: tuple[Path, Path]


def asked(*arguments: object) -> Result:
    return CliRunner().invoke(report, [str(part) for part in arguments])


def export(tmp_path: Path, result: Any) -> Export:
    """What the command writes of one run; its paths are all that stdout has."""
    said = asked(result.folder, "--format", "lm_eval", "--out", tmp_path / "lm")
    assert said.exit_code == 0, said.output
    first, second = (Path(line) for line in said.stdout.splitlines())
    lines = second.read_text("utf-8").split("\n")[:-1]
    return Export(
        result, json.loads(first.read_text("utf-8")), [*map(json.loads, lines)], (first, second)
    )


def pairs_run(tmp_path: Path, model: str, judge: str | None = None, seed: int = 0) -> Any:
    # a pair of two texts of one length, which the length baseline finds equal
    data = write_rows(tmp_path / "pairs.json", [*rows(15), row("p", "雨像旧信", "信像旧雨")])
    request = RunRequest(
        tasks=(PAIRS,),
        model=model,
        data={PAIRS: data},
        output_path=tmp_path / "out",
        settings=ModelSettings(judge=judge, seed=seed),
    )
    [result] = run(request)
    return result


def writing_run(tmp_path: Path, model: str | None = None) -> Any:
    rows = texts(["m"], 9)[:8]  # one prompt has no text
    request = RunRequest(
        tasks=("coig_writer_zh",),
        model=model or f"texts:{jsonl(tmp_path / 'texts.jsonl', rows)}",
        data={"coig_writer_zh": jsonl(tmp_path / "prompts.jsonl", prompts(9))},
        output_path=tmp_path / "out",
    )
    [result] = run(request)
    return result


MODELS = [
    ("baseline:length", None),
    ("fake:hash,unparsed=0.3,errors=0.1", "pairwise"),
    ("fake:hash,unparsed=0.3", "rubric"),
    ("baseline:first", None),
]
