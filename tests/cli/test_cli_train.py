"""`harness train` as a user meets it: what it prints, what it writes, and how it ends."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from training.small import SMALL, rows_file

pytest.importorskip("torch", reason="needs the extra hf")
pytest.importorskip("trl", reason="needs the extra train")

Harness = Callable[..., Any]
FILES = ["curve.png", "log.jsonl", "manifest.json", "model"]


@pytest.fixture
def small(harness: Harness, tmp_path: Path) -> Harness:
    """`harness train demo` of sixteen rows of one's own, for two steps."""
    overrides = [f"data.creative.file={rows_file(tmp_path)}", *SMALL, "max_steps=2"]
    flags = [f"--set={text}" for text in overrides]
    return lambda *more: harness("train", "demo", *flags, *more)


def folders(place: Path) -> list[Path]:
    return sorted(place.glob("demo/*"))


def test_a_training_ends_with_what_was_trained_how_to_use_it_and_where_it_is(
    small: Harness, tmp_path: Path
) -> None:
    said = small()
    (folder,) = folders(Path("results/train"))
    assert sorted(path.name for path in folder.iterdir()) == FILES
    first, losses, blank, use, command, where = said.out.splitlines()
    assert said.code == 0
    assert first == "demo: 8,784 parameters, 2 steps on 16 creative, 0 general_en, 0 general_zh"
    assert re.fullmatch(
        r"loss \d\.\d{3} -> \d\.\d{3}, on held-out rows \d\.\d{3} -> \d\.\d{3}", losses
    )
    assert (blank, use) == ("", "let it write:")
    assert shlex.split(command) == [
        "harness", "run", "--tasks", "demo_writing", "--model", str(folder / "model"),
    ]  # fmt: skip
    assert re.fullmatch(rf"trained in \d+ s: {folder}", where)
    assert "1:0.00 in samples" in said.err  # the mixture, on the way


def test_the_command_it_names_lets_the_model_write(
    small: Harness, harness: Harness, tmp_path: Path
) -> None:
    command = shlex.split(small().out.splitlines()[4])
    said = harness(
        *command[1:], "--gen_kwargs", "max_tokens=4", "--limit", "1", "--output_path", "out"
    )
    assert said.code == 0, said.err
    assert list(Path("out").rglob("*.jsonl"))


def test_the_same_again_is_reused_and_fresh_trains_anew(small: Harness) -> None:
    small("--output_path", "out")
    (folder,) = folders(Path("out"))
    before = (folder / "manifest.json").read_bytes()
    again = small("--output-path", "out")
    assert again.code == 0 and again.out.splitlines()[-1] == f"trained before, reused: {folder}"
    assert (folder / "manifest.json").read_bytes() == before
    (folder / "mine.txt").write_text("kept by no training")
    fresh = small("--output_path", "out", "--fresh")
    assert re.fullmatch(rf"trained in \d+ s: {folder}", fresh.out.splitlines()[-1])
    assert folders(Path("out")) == [folder] and not (folder / "mine.txt").exists()


def test_a_dry_run_prints_the_plan_and_writes_nothing(small: Harness, tmp_path: Path) -> None:
    before = set(tmp_path.rglob("*"))
    planned = small("--dry_run")
    assert planned.code == 0 and set(tmp_path.rglob("*")) == before
    folder = planned.out.split("would be written: ")[1].splitlines()[0]
    assert planned.out.startswith("demo: 8,784 parameters; rows: creative 16,")
    assert "2 steps, " in planned.out
    assert small().out.endswith(f": {folder}\n")
    assert f"finished: {folder}" in small("--dry-run").out


def test_a_dry_run_of_a_shipped_recipe_needs_nothing_at_hand(
    harness: Harness, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    said = harness("train", "coig_cw_10k", "--dry_run", "--set", "lora.r=16")
    assert said.code == 0 and said.err == ""
    lines = said.out.splitlines()
    assert lines[0] == (
        "coig_cw_10k: 7,615,616,512 parameters; "
        "rows: creative 1,665, general_zh 10,000, general_en 10,000"
    )
    assert lines[1].startswith("2,034 steps, at most 533,200,896 tokens, at most 17 GPU hours")
    assert sum(line.startswith("not at hand: ") for line in lines) == 5
    assert lines[-1].endswith(" -m harness train coig_cw_10k --set=lora.r=16")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["demoo"], "unknown recipe 'demoo': did you mean 'demo'?"),
        (["nosuch.yaml"], "nosuch.yaml: No such file or directory"),
        (["demo", "--set", "max_step=2"], "--set max_step: unknown key 'max_step': did you mean 'max_steps'?"),
        (["demo", "--set", "data.creatve.n=2"], "--set data.creatve.n: unknown key 'creatve': did you mean 'creative'?"),
        (["demo", "--set", "max_steps"], "--set max_steps: write it as key=value, for example --set max_steps=20"),
        (["demo", "--set", "seed.x=2"], "--set seed.x: seed holds no keys"),
        (["demo", "--set", "data.creative.file=no.jsonl"], "no such file"),
        (["demo", "--set", "device=cuda"], "device cuda: torch sees no CUDA device here; --set device=cpu"),
        (["demo", "--set", "micro_batch_size=3"], "global_batch_size 8 is no multiple of micro_batch_size 3 x 1"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)  # fmt: skip
@pytest.mark.parametrize("flags", [(), ("--dry_run",)], ids=["", "dry"])
def test_wrong_use_is_one_message_and_exit_2_dry_or_not(
    harness: Harness, tmp_path: Path, arguments: list[str], message: str, flags: tuple[str, ...]
) -> None:
    import torch

    if "device=cuda" in arguments and torch.cuda.is_available():
        pytest.skip("there is a CUDA device here")
    said = harness("train", *arguments, *flags)
    assert message in said.message and said.code == 2
    assert not list(tmp_path.rglob("*"))


@pytest.mark.parametrize(
    "value", ["max_steps=0", "learning_rate=-1", "learning_rate=.nan", "kind=rewrd", "epochs=many"]
)
def test_a_value_that_cannot_be_names_its_field(harness: Harness, value: str) -> None:
    said = harness("train", "demo", "--set", value)
    assert said.code and said.out == "" and "Traceback" not in said.err
    assert f"field {value.partition('=')[0]}" in said.err


def test_data_that_cannot_be_drawn_is_one_error_and_exit_1(small: Harness, tmp_path: Path) -> None:
    said = small("--set", "data.creative.n=1000")
    assert said.code == 1 and said.out == "" and "Traceback" not in said.err
    assert "creative" in said.err and "1,000" in said.err
    assert not list(tmp_path.glob("results/train/demo/*"))


def test_a_place_that_cannot_be_written_to_is_named(small: Harness, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    said = small("--output_path", "taken/below")
    assert said.code == 2 and said.out == ""
    assert "--output_path: taken/below/demo: Not a directory" in said.err


def test_an_interrupt_says_how_to_go_on(small: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("harness.training.job.train", interrupted)
    said = small()
    assert said.message == "interrupted; the same command goes on from the last checkpoint"
    assert said.code == 1


def test_only_the_first_process_prints(small: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    from harness.training.job import Trained

    done = Trained(Path("f"), Path("f/model"), {}, {}, reused=True)
    monkeypatch.setattr("harness.training.job.train", lambda *_, **__: done)
    monkeypatch.setenv("RANK", "1")
    said = small()
    assert (said.code, said.out, said.err) == (0, "", "")
