"""Checkpoints that cannot be run, or give no number: what `harness run` says of them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Harness = Callable[..., Any]


@pytest.fixture
def checkpoint(tmp_path: Path) -> Callable[..., Path]:
    """A tiny Qwen2 reward model in a folder, without the files named."""
    tiny = pytest.importorskip("tiny")

    def make(*without: str, template: bool = True, head: str | None = None, **changes: Any) -> Path:
        folder = tmp_path / "tiny"
        model = tiny.tiny_model("qwen2", head or "ForSequenceClassification", **changes)
        model.save_pretrained(folder)
        tokenizer = tiny.byte_tokenizer() if template else tiny.byte_tokenizer(template=None)
        tokenizer.save_pretrained(folder)
        for pattern in without:
            for file in folder.glob(pattern):
                file.unlink()
        return folder

    return make


def test_a_checkpoint_runs_and_reports(run: Harness, checkpoint: Callable[..., Path]) -> None:
    said = run("--device", "cpu", model=checkpoint())
    assert (said.code, said.err) == (0, "")
    assert "wpb_zh: tiny" in said.out


@pytest.mark.parametrize(
    ("without", "template", "message"),
    [
        (["config.json"], True, "no config.json, so not a checkpoint folder"),
        (["token*", "*.jinja"], True, "no usable tokenizer"),
        (["*.jinja"], False, "the tokenizer has no chat template; name a recipe"),
        (["*.safetensors"], True, "no reward head: the checkpoint has no tensor score.weight"),
    ],
    ids=["config", "tokenizer", "chat template", "weights"],
)
def test_what_a_checkpoint_folder_lacks_is_named(
    run: Harness,
    checkpoint: Callable[..., Path],
    written: Callable[[], list[str]],
    without: list[str],
    template: bool,
    message: str,
) -> None:
    folder = checkpoint(*without, template=template)
    said = run(model=folder)
    assert said.code == 1
    assert said.message.startswith(f"{folder}: {message}")
    assert "results.json" not in written()


def test_weights_that_were_cut_off_are_named(run: Harness, checkpoint: Callable[..., Path]) -> None:
    weights = checkpoint() / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-4096])
    said = run(model=weights.parent)
    assert said.code == 1
    assert said.message.startswith(f"{weights}: damaged or cut off")


def test_a_causal_lm_judges_and_never_scores_but_by_its_likelihood(
    run: Harness, checkpoint: Callable[..., Path]
) -> None:
    folder = checkpoint(head="ForCausalLM", max_position_embeddings=4096)
    said = run("--gen_kwargs", "max_tokens=4", model=folder)
    assert said.code == 0 and "calls;" in said.out
    refused = run("--judge", "sequence_classifier", model=folder)
    assert refused.code == 1 and "no reward head" in refused.message
    assert run("--device", "cpu", model=f"likelihood:{folder}").code == 0


@pytest.mark.parametrize(
    ("judge", "message"),
    [
        ("litbnech", "unknown judge or recipe 'litbnech': did you mean 'litbench'?"),
        ("nosuch.yaml", "nosuch.yaml: No such file or directory"),
    ],
)
def test_an_unknown_recipe_is_exit_2(
    run: Harness,
    checkpoint: Callable[..., Path],
    written: Callable[[], list[str]],
    judge: str,
    message: str,
) -> None:
    said = run("--judge", judge, model=checkpoint())
    assert (said.code, said.message) == (2, message)
    assert written() == []


def test_a_recipe_that_runs_foreign_code_asks_for_trust(
    run: Harness, checkpoint: Callable[..., Path]
) -> None:
    said = run("--judge", "armorm", model=checkpoint())
    assert said.code == 2
    assert said.message.endswith("read it, then add --trust_remote_code")


def test_texts_longer_than_the_context_are_refused_or_cut_and_counted(
    run: Harness, checkpoint: Callable[..., Path], tmp_path: Path
) -> None:
    folder = checkpoint(max_position_embeddings=40)
    said = run("--device", "cpu", model=folder)
    assert said.code == 1
    for part in ("longer than the model's 40 tokens", "--truncate left", "--truncate right"):
        assert part in said.message
    assert run("--device", "cpu", "--truncate", "left", model=folder).code == 0
    [results] = (tmp_path / "out").rglob("results.json")
    assert json.loads(results.read_text())["metrics"]["truncated"] > 0


@pytest.mark.parametrize(
    ("without", "template"), [(["*.jinja"], False), (["*.safetensors"], True)], ids=str
)
def test_a_run_that_could_not_begin_leaves_no_files(
    run: Harness,
    checkpoint: Callable[..., Path],
    written: Callable[[], list[str]],
    without: list[str],
    template: bool,
) -> None:
    assert run(model=checkpoint(*without, template=template)).code == 1
    assert written() == []


def test_scores_that_are_no_number_are_errors_and_never_outcomes(
    run: Harness, checkpoint: Callable[..., Path], tmp_path: Path
) -> None:
    safetensors = pytest.importorskip("safetensors.torch")
    folder = checkpoint()
    weights = safetensors.load_file(folder / "model.safetensors")
    weights["score.weight"][:] = float("nan")
    safetensors.save_file(weights, folder / "model.safetensors", {"format": "pt"})
    said = run("--device", "cpu", model=folder)
    assert said.code == 0
    assert "24 verdicts are errors" in said.err
    [results] = (tmp_path / "out").rglob("results.json")
    metrics = json.loads(results.read_text())["metrics"]
    assert (metrics["errors"], metrics["coverage"], metrics["accuracy_valid"]) == (24, 0.0, None)
    assert metrics["bounds"] == [0.0, 1.0]
    given_up = run("--device", "cpu", "--max_errors", "5", "--fresh", model=folder)
    assert given_up.code == 1
    assert "--max_errors 5 reached" in given_up.message


@pytest.mark.parametrize("model", ["{folder}", "likelihood:{folder}"])
def test_without_torch_one_line_says_what_to_install(data: Path, model: str) -> None:
    program = (
        "import sys; sys.modules.update(torch=None, transformers=None)\n"
        "from harness.cli.main import main; main()"
    )
    flags = ["--data", f"wpb_zh={data}", "--model", model.format(folder=data.parent)]
    done = subprocess.run(
        [sys.executable, "-c", program, "run", "--tasks", "wpb_zh", *flags],
        capture_output=True,
        text=True,
        cwd=data.parent,
        check=False,
    )
    assert done.stderr.endswith('needs an extra: pip install "writing-harness[hf]"\n')
    assert len(done.stderr.splitlines()) == 1
    assert done.returncode == 2
