"""Reward models from a base: a checkpoint that a run scores with, adapters merged, head and all."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="needs the extra hf")
pytest.importorskip("trl", reason="needs the extra train")
from tiny import byte_tokenizer, tiny_model  # noqa: E402

from harness.errors import UsageError  # noqa: E402
from harness.training.job import Trained, train  # noqa: E402

SETTINGS = (
    "tokenizer=", "model=", "max_steps=6", "warmup_steps=0", "global_batch_size=4",
    "micro_batch_size=2", "max_length=256", "save_steps=4", "learning_rate=0.01",
)  # fmt: skip
SHAPE = {"initializer_range": 0.02}


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("base")
    tiny_model("qwen2", "ForCausalLM", **SHAPE).save_pretrained(folder)
    byte_tokenizer().save_pretrained(folder)
    return folder


def reward(base: Path, file: Path, output_path: Path, *more: str) -> Trained:
    data = f"data={{demo_zh: {{file: {file}}}}}"
    overrides = [data, *SETTINGS, f"base={base}", *more]
    return train("demo_reward", output_path=output_path, overrides=overrides)


def scores(trained: Trained, output_path: Path) -> dict[str, Any]:
    from harness.models.base import ModelSettings
    from harness.request import RunRequest
    from harness.runner import run

    request = RunRequest(
        tasks=("demo_zh",),
        model=str(trained.model),
        settings=ModelSettings(device="cpu", dtype="float32"),
        data=trained.held_out,
        output_path=output_path,
    )
    (result,) = run(request)
    lines = (result.folder / "scores.jsonl").read_text(encoding="utf-8").splitlines()
    return {row["id"]: row["score"] for row in map(json.loads, lines)}


@pytest.mark.parametrize("more", [(), ("lora.r=4",)], ids=["full", "lora"])
def test_a_run_scores_with_what_was_trained(
    more: tuple[str, ...], base: Path, pairs_file: Path, tmp_path: Path
) -> None:
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    made = reward(base, pairs_file, tmp_path, *more)
    model, info = AutoModelForSequenceClassification.from_pretrained(
        made.model, output_loading_info=True
    )
    assert not info["missing_keys"] and model.config.num_labels == 1
    if more:
        from peft import PeftModel

        torch.manual_seed(0)  # the head of the base is random; the adapter brings the trained one
        under = AutoModelForSequenceClassification.from_pretrained(base, num_labels=1)
        model = PeftModel.from_pretrained(under, made.folder / "adapter").eval()
    model.config.pad_token_id = 0
    tokenizer = AutoTokenizer.from_pretrained(made.model)
    found = scores(made, tmp_path / "runs")
    rows = json.loads(made.held_out["demo_zh"].read_text(encoding="utf-8"))
    from harness.records import short_id

    for row in rows:
        for side in (row["chosen"], row["rejected"]):
            chat = [
                {"role": "user", "content": row["prompt"]},
                {"role": "assistant", "content": side["response"]},
            ]
            ids = tokenizer.apply_chat_template(chat, tokenize=True, return_tensors="pt")
            with torch.no_grad():
                plain = model(ids["input_ids"]).logits.item()
            key = short_id("zh", row["prompt"], side["response"])
            assert found[key] == pytest.approx(plain, abs=2e-4)


def test_held_out_pairs_are_evaluated_and_named(
    base: Path, pairs_file: Path, tmp_path: Path
) -> None:
    made = reward(base, pairs_file, tmp_path, "eval_steps=3")
    log = [json.loads(line) for line in (made.folder / "log.jsonl").read_text().splitlines()]
    judged = [row for row in log if "eval_loss" in row]
    assert [row["step"] for row in judged] == [0, 3, 6]
    assert all(0 <= row["eval_accuracy"] <= 1 for row in judged)
    assert made.manifest["kind"] == "reward" and made.manifest["base"]["name"]


def test_lora_without_a_base_is_refused(pairs_file: Path, tmp_path: Path) -> None:
    data = f"data={{demo_zh: {{file: {pairs_file}}}}}"
    with pytest.raises(UsageError, match="lora adapts a base"):
        train("demo_reward", output_path=tmp_path, overrides=[data, "lora.r=4"])
