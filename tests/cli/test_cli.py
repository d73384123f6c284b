"""Wrong use, own YAML, and where output goes: exit codes and messages as a user meets them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.cli.main import VERBS

Harness = Callable[..., Any]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--tasks", "wpb_zn"], "unknown task 'wpb_zn': did you mean 'wpb_zh'?"),
        (["--tasks", "nosuch.yaml"], "nosuch.yaml: No such file or directory"),
        (["--tasks", ","], "--tasks: name at least one (`harness ls tasks` lists them)"),
        (["--model", "baseline:lenght"], "--model: unknown baseline 'lenght': did you mean 'length'?"),
        (["--model", "basline:length"], "--model: unknown backend 'basline': did you mean 'baseline'?"),
        (["--model", "baseline:"], "--model baseline:: nothing stands after baseline:"),
        (["--model", "hf"], "--model hf: write hf:WHAT, or add --model_args pretrained=PATH"),
        (["--model", "nosuch"], "--model nosuch: no such folder, and not a hub id (owner/name)"),
        (["--model", "pairs.json"], "--model pairs.json: a file; give the checkpoint's folder"),
        (["--model_args", "nam=x"], "--model_args: unknown key 'nam': did you mean 'name'?"),
        (["--model_args", "name"], "--model_args: part 1 is not key=value"),
        (["--model_args", "name=a,name=b"], "--model_args: name is given twice"),
        (["--judge", "plain"], "--judge has no meaning for a baseline"),
        (["--genres", "Poetyr"], "--genres: unknown genre 'Poetyr': did you mean 'Poetry'?"),
        (["--genre_map", "wpb_apendix_b"], "unknown genre map 'wpb_apendix_b': did you mean 'wpb_appendix_b'?"),
        (["--genre_map", "nosuch.yaml"], "--genre_map nosuch.yaml: no such file"),
        (["--include_path", "nosuch"], "--include_path nosuch: no such directory"),
        (["--limit", "0"], "--limit 0: a number of pairs (100) or a fraction below 1 (0.1)"),
        (["--limit", "1.5"], "--limit 1.5: a number of pairs (100) or a fraction below 1 (0.1)"),
        (["--limit", "-1"], "--limit -1: a number of pairs (100) or a fraction below 1 (0.1)"),
        (["--limit", "nan"], "--limit nan: a number of pairs (100) or a fraction below 1 (0.1)"),
        (["--limit", "some"], "--limit some: a number of pairs (100) or a fraction below 1 (0.1)"),
        (["--batch_size", "x"], "--batch_size x: a whole number above 0, or auto"),
        (["--batch_size", "0"], "--batch_size 0: a whole number above 0, or auto"),
        (["--data", "pairs.json"], "--data pairs.json: write TASK=FILE"),
        (["--data", "wpb_zh=pairs.json"], "--data wpb_zh: given twice"),
        (["--data", "wpb_en=pairs.json"], "--data: unknown task of this run 'wpb_en': did you mean 'wpb_zh'?"),
        (["--data", "demo_zh=nosuch.json"], "--data demo_zh=nosuch.json: no such file"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)  # fmt: skip
def test_wrong_use_is_one_message_and_exit_2(
    run: Harness, written: Callable[[], list[str]], arguments: list[str], message: str
) -> None:
    said = run(*arguments)
    assert said.message == message
    assert said.code == 2
    assert written() == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["rnu"], "unknown command 'rnu': did you mean 'run'?"),
        (["run", "--tsaks", "wpb_zh"], "No such option '--tsaks'. Did you mean '--tasks'?"),
        (["run", "--model", "x"], "Missing option '--tasks'."),
        (["run", "--tasks", "wpb_zh"], "Missing option '--model'."),
        (["run", "--orders", "x"], "'x' is not one of 'both', 'seeded'"),
        (["run", "--truncate", "x"], "'x' is not one of 'error', 'left', 'right'"),
        (["run", "--max_batch_tokens", "0"], "Invalid value for '--max_batch_tokens': 0"),
        (["run", "--seed", "x"], "Invalid value for '--seed': 'x'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_command_line_that_does_not_parse_says_why_and_exits_2(
    harness: Harness, arguments: list[str], message: str
) -> None:
    said = harness(*arguments)
    assert said.code == 2
    assert message in said.err.splitlines()[-1]
    assert said.out == ""


@pytest.mark.parametrize("number", ["-1", "x"])
def test_a_seed_is_a_whole_number_from_0(run: Harness, number: str) -> None:
    assert run("--seed", number).code == 2


def test_every_verb_has_help_without_a_traceback(harness: Harness) -> None:
    for verb in VERBS:
        said = harness(verb, "--help")
        assert (said.code, said.err) == (0, "")
        assert said.out.startswith(f"Usage: harness {verb}")


def test_flags_may_be_written_with_dashes(run: Harness) -> None:
    assert run("--batch-size", "4", "--genre-map=tag", "--bad-rows", "drop").code == 0


def test_debug_shows_the_traceback_and_keeps_the_exit_code(
    harness: Harness, tmp_path: Path
) -> None:
    command = [
        sys.executable,
        "-m",
        "harness",
        "--debug",
        "run",
        "--tasks",
        "nosuch",
        "--model",
        "x",
    ]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert "Traceback" in done.stderr
    assert "unknown task 'nosuch'" in done.stderr.splitlines()[-1]
    assert done.returncode == 2


TASK = {
    "kind": "preference",
    "name": "mine",
    "language": "zh",
    "source": {"reader": "wpb", "file": "pairs.json"},
    "genres": "wpb_appendix_b",
    "metrics": ["accuracy"],
}


def own_task(tmp_path: Path, **changes: Any) -> Path:
    """A task file of one's own (JSON is YAML)."""
    file = tmp_path / "mine.yaml"
    file.write_text(json.dumps(TASK | changes), encoding="utf-8")
    return file


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"langauge": "zh"}, "mine.yaml: field langauge: unknown key 'langauge': did you mean 'language'?"),
        ({"language": "de"}, "mine.yaml: field language: Input should be 'zh' or 'en' (got 'de')"),
        ({"metrics": ["acuracy"]}, "unknown metric 'acuracy': did you mean 'accuracy'?"),
        ({"genres": "wpb_apendix_b"}, "unknown genre map 'wpb_apendix_b': did you mean 'wpb_appendix_b'?"),
    ],
)  # fmt: skip
@pytest.mark.usefixtures("data")
def test_a_bad_key_of_a_task_is_named_before_anything_runs(
    harness: Harness,
    tmp_path: Path,
    written: Callable[[], list[str]],
    changes: dict[str, Any],
    message: str,
) -> None:
    own_task(tmp_path, **changes)
    usual = ("--model", "baseline:length", "--output_path", tmp_path / "out")
    said = harness("run", "--tasks", "mine.yaml", *usual)
    assert said.code == 2
    assert said.message.endswith(message)
    assert written() == []


def test_a_task_of_ones_own_runs_on_the_file_beside_it(harness: Harness, data: Path) -> None:
    own_task(data.parent)
    said = harness("run", "--tasks", "mine.yaml", "--model", "baseline:length")
    assert said.code == 0
    assert "on 24 pairs" in said.out


def test_results_go_to_stdout_and_the_folder_has_everything(
    run: Harness, written: Callable[[], list[str]]
) -> None:
    said = run()
    assert (said.code, said.err) == (0, "")
    assert "wpb_zh by genre: baseline:length" in said.out
    assert {"manifest.json", "results.json", "report.md", "verdicts.jsonl"} <= set(written())


def test_the_same_command_again_says_that_it_reuses(run: Harness) -> None:
    first, second = run(), run()
    folder = first.out.rstrip().splitlines()[-1].removeprefix("finished: ")
    assert second.out == first.out.replace("finished: ", "finished before, reused: ")
    assert Path(folder).is_dir()


def test_a_folder_that_cannot_be_written_is_one_message(run: Harness, data: Path) -> None:
    said = run("--output_path", data)
    assert said.code == 1
    assert said.message.startswith(f"{data}{os.sep}wpb_zh{os.sep}baseline-length-")
    assert said.message.endswith(": cannot write: Not a directory")


def test_a_dry_run_writes_nothing(run: Harness, written: Callable[[], list[str]]) -> None:
    said = run("--dry_run")
    assert said.code == 0
    assert said.out.startswith("wpb_zh: 24 pairs, 48 distinct texts")
    assert written() == []


def test_a_terminal_without_chinese_does_not_end_a_run(data: Path) -> None:
    command = [sys.executable, "-m", "harness", "run", "--tasks", "wpb_zh", "--genre_map", "tag"]
    flags = ["--data", f"wpb_zh={data}", "--model", "baseline:length"]
    done = subprocess.run(
        command + flags,
        capture_output=True,
        cwd=data.parent,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"on 24 pairs" in done.stdout
