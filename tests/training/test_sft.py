"""Fine-tuning a writer: an ordinary checkpoint, exact records, and the same weights every time."""

from __future__ import annotations

import json
import os
import random
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from small import command, log, rows, rows_file, small, weights

from harness.records import sha256_ids, triplet_id
from harness.training.job import Trained

pytest.importorskip("torch", reason="needs the extra hf")
pytest.importorskip("trl", reason="needs the extra train")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return rows_file(tmp_path_factory.mktemp("rows"))


@pytest.fixture(scope="module")
def trained(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    return small(data, tmp_path_factory.mktemp("out"))


def same(a: dict[str, Any], b: dict[str, Any], within: float) -> bool:
    """Whether two rows of logs say the same, losses but for so much."""
    losses = [(a[key], b[key]) for key in ("loss", "eval_loss") if key in a and key in b]
    assert len(losses) == 1
    exact = all(a.get(key) == b.get(key) for key in ("step", "epoch", "tokens"))
    return exact and losses[0][0] == pytest.approx(losses[0][1], rel=within)


def test_the_model_is_an_ordinary_checkpoint_with_every_weight(trained: Trained) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model, info = AutoModelForCausalLM.from_pretrained(trained.model, output_loading_info=True)
    assert not info["missing_keys"] and not info["unexpected_keys"]
    assert model.config.architectures == ["Qwen2ForCausalLM"]
    assert sum(p.numel() for p in model.parameters()) == trained.manifest["parameters"]
    assert AutoTokenizer.from_pretrained(trained.model).chat_template
    names = {path.name for path in trained.model.iterdir()}
    assert "README.md" in names and "training_args.bin" not in names


def test_a_run_takes_the_model_and_splits_off_its_thoughts(
    trained: Trained, tmp_path: Path
) -> None:
    from harness.models.base import ModelSettings
    from harness.request import RunRequest
    from harness.runner import run

    request = RunRequest(
        tasks=("demo_writing_zh",),
        model=str(trained.model),
        settings=ModelSettings(device="cpu", dtype="float32"),
        gen_kwargs="max_tokens=8",
        limit=2,
        output_path=tmp_path,
    )
    (result,) = run(request)
    assert result.results["data"]["prompts"] == 2


def test_the_folder_has_log_curve_card_and_a_manifest_and_nothing_else(trained: Trained) -> None:
    assert {path.name for path in trained.folder.iterdir()} == {
        "model", "log.jsonl", "curve.png", "manifest.json",
    }  # fmt: skip
    manifest = json.loads((trained.folder / "manifest.json").read_text(encoding="utf-8"))
    assert manifest == trained.manifest
    assert manifest["overrides"]["max_steps"] == 8 and manifest["steps"] == 8
    assert manifest["identity_sha256"][:8] == trained.folder.name


def test_the_log_has_a_row_a_step_and_the_evaluations(trained: Trained) -> None:
    steps = [row for row in log(trained) if "loss" in row]
    assert [row["step"] for row in steps] == list(range(1, 9))
    assert {"epoch", "grad_norm", "learning_rate", "loss", "tokens"} <= steps[0].keys()
    assert [row["step"] for row in log(trained) if "eval_loss" in row] == [0, 4, 8]
    assert trained.manifest["tokens"] == steps[-1]["tokens"] > steps[0]["tokens"]


def test_ids_and_tokens_of_the_mixture_are_those_of_the_rows(trained: Trained) -> None:
    from transformers import AutoTokenizer

    source = trained.manifest["mixture"]["sources"]["creative"]
    known = {triplet_id(r["query"], r["thought"], r["answer"]): r for r in rows()}
    assert source["n"] == len(source["ids"]) == 16 and set(source["ids"]) < known.keys()
    assert source["sha256_ids"] == sha256_ids(source["ids"])
    tokenizer = AutoTokenizer.from_pretrained(trained.model)
    count = 0
    for row in (known[i] for i in source["ids"]):
        answer = f"<think>\n{row['thought']}\n</think>\n\n{row['answer']}"
        chat = [{"role": "user", "content": row["query"]}, {"role": "assistant", "content": answer}]
        count += len(tokenizer.apply_chat_template(chat, tokenize=True)["input_ids"])
    assert source["tokens"] == count == trained.manifest["tokens_per_epoch"]
    assert trained.manifest["tokens"] == count * 2  # eight steps of four are two epochs


def test_the_same_again_is_reused_and_fresh_makes_the_same_weights(
    trained: Trained, data: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    again = small(data, trained.folder.parent.parent)
    assert again.reused and again.manifest == trained.manifest
    anew = small(data, tmp_path)
    assert not anew.reused and anew.folder.name == trained.folder.name
    assert weights(anew) == weights(trained)
    assert capfd.readouterr() == ("", "")  # and the libraries say nothing


def test_the_order_of_the_file_changes_nothing(trained: Trained, tmp_path: Path) -> None:
    file = rows_file(tmp_path, random.Random(1).sample(rows(), len(rows())))
    shuffled = small(file, tmp_path)
    assert weights(shuffled) == weights(trained)
    mixtures = [one.manifest["mixture"]["sources"]["creative"] for one in (shuffled, trained)]
    assert mixtures[0]["sha256_ids"] == mixtures[1]["sha256_ids"]


@pytest.mark.parametrize(
    "setting", ["micro_batch_size=4", "gradient_checkpointing=true", "logging_steps=2"]
)
def test_what_only_says_how_it_runs_finds_the_same_folder(
    setting: str, trained: Trained, data: Path
) -> None:
    assert small(data, trained.folder.parent.parent, [setting]).reused


def test_the_loss_of_another_micro_batch_is_the_same_but_for_rounding(
    trained: Trained, data: Path, tmp_path: Path
) -> None:
    other = small(data, tmp_path, ["micro_batch_size=1"])
    for a, b in zip(log(other), log(trained), strict=True):
        assert same(a, b, 1e-5)


def killed_at(step: int, arguments: list[str], folder: Path) -> None:
    """Start the command, and kill it when its log has come so far."""
    child = subprocess.Popen(arguments, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while child.poll() is None and time.monotonic() < deadline:
        for file in folder.glob(".*.partial/log.jsonl"):
            if any(f'"step": {step},' in line for line in file.read_text().splitlines()):
                child.send_signal(signal.SIGKILL)
        time.sleep(0.002)
    assert child.wait() == -signal.SIGKILL


def test_a_killed_training_goes_on_to_the_same_weights_and_the_same_log(
    data: Path, tmp_path: Path
) -> None:
    more = ("max_steps=60", "save_steps=7")
    whole = small(data, tmp_path / "whole", more)
    killed_at(17, command(data, tmp_path / "killed", *more), tmp_path / "killed" / "demo")
    said = subprocess.run(
        command(data, tmp_path / "killed", *more), capture_output=True, text=True, check=True
    )
    going_on = [line for line in said.stderr.splitlines() if "going on from step" in line]
    assert going_on and int(going_on[0].split("step ")[1].split()[0]) % 7 == 0
    again = small(data, tmp_path / "killed", more)
    assert again.reused and weights(again) == weights(whole)
    assert (again.folder / "log.jsonl").read_bytes() == (whole.folder / "log.jsonl").read_bytes()
    assert not list(again.folder.parent.glob(".*"))


def test_packed_rows_train_as_well(data: Path, tmp_path: Path) -> None:
    more = ["packing=true", "micro_batch_size=1", "global_batch_size=1"]
    packed = small(data, tmp_path, more)
    assert packed.manifest["samples"] < 16
    assert log(packed)[-1]["eval_loss"] < log(packed)[0]["eval_loss"]


def test_steps_can_be_bound_by_tokens(data: Path, tmp_path: Path) -> None:
    more = ["max_steps=", "max_tokens=1000"]
    made = small(data, tmp_path, more).manifest
    assert made["steps"] == -(-1000 * 4 // made["tokens_per_epoch"])
    assert abs(made["tokens"] - 1000) < made["tokens_per_epoch"] / 2


def test_the_loss_goes_down_on_real_text(shared_data: Path, tmp_path: Path) -> None:
    more = [
        "max_steps=60", "learning_rate=5e-3", "data.creative.n=64", "data.creative.eval_n=8",
        "over_long=drop",
    ]  # fmt: skip
    made = small(shared_data / "general_zh.jsonl", tmp_path, more)
    found = log(made)
    assert found[-1]["eval_loss"] < 0.9 * found[0]["eval_loss"]
    losses = [row["loss"] for row in found if "loss" in row]
    assert sum(losses[-5:]) < 0.9 * sum(losses[:5])


# several processes


@pytest.mark.parametrize("fsdp", [False, True], ids=["ddp", "fsdp"])
def test_two_processes_train_what_one_does(
    fsdp: bool, trained: Trained, data: Path, tmp_path: Path
) -> None:
    from harness.training.launch import launch_command

    arguments = command(data, tmp_path)[5:]
    line = launch_command("demo", arguments, processes=2, fsdp=fsdp)
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    said = subprocess.run(
        [sys.executable, "-m", *shlex.split(line.replace("accelerate launch", "accelerate.commands.launch"))],
        capture_output=True, text=True, env=environment, timeout=300,
    )  # fmt: skip
    assert said.returncode == 0, said.stderr[-3000:]
    together = small(data, tmp_path)
    assert together.reused and together.manifest["processes"] == 2
    assert all(same(a, b, 1e-4) for a, b in zip(log(together), log(trained), strict=True))


def test_rows_that_do_not_divide_train_the_same_in_two_processes(
    data: Path, tmp_path: Path
) -> None:
    from harness.training.launch import launch_command

    more = ("data.creative.n=15", "max_steps=", "epochs=2", "save_steps=")
    alone = small(data, tmp_path / "one", more)
    line = launch_command("demo", command(data, tmp_path / "two", *more)[5:], processes=2)
    words = shlex.split(line.replace("accelerate launch", "accelerate.commands.launch"))
    said = subprocess.run(
        [sys.executable, "-m", *words],
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        timeout=300,
    )
    assert said.returncode == 0, said.stderr[-3000:]
    together = small(data, tmp_path / "two", more)
    assert together.reused and together.manifest["processes"] == 2
    assert all(same(a, b, 1e-4) for a, b in zip(log(together), log(alone), strict=True))
    assert log(alone)[-1]["step"] == 8
