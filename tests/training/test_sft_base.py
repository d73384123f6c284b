"""Fine-tuning a base: its tokenizer and precision kept, adapters merged, and what is refused."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from small import log, rows_file, small

from harness.errors import HarnessError, UsageError
from harness.training.job import Trained

pytest.importorskip("torch", reason="needs the extra hf")
pytest.importorskip("trl", reason="needs the extra train")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return rows_file(tmp_path_factory.mktemp("rows"))


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tiny import byte_tokenizer, tiny_model

    folder = tmp_path_factory.mktemp("base")
    tiny_model("qwen2", "ForCausalLM").save_pretrained(folder)
    byte_tokenizer().save_pretrained(folder)
    return folder


def from_base(base: Path, file: Path, output_path: Path, *more: str) -> Trained:
    return small(file, output_path, ["tokenizer=", "model=", f"base={base}", *more])


def test_a_base_keeps_its_tokenizer_and_template(base: Path, data: Path, tmp_path: Path) -> None:
    made = from_base(base, data, tmp_path)
    from transformers import AutoTokenizer

    ours, theirs = (AutoTokenizer.from_pretrained(folder) for folder in (made.model, base))
    assert ours.chat_template == theirs.chat_template and ours.get_vocab() == theirs.get_vocab()
    assert made.manifest["base"]["name"].endswith(base.name)
    assert log(made)[-1]["eval_loss"] < log(made)[0]["eval_loss"]


def test_merged_lora_is_what_base_and_adapter_say_together(
    base: Path, data: Path, tmp_path: Path
) -> None:
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    made = from_base(base, data, tmp_path, "lora.r=4", "learning_rate=0.05")
    assert made.manifest["trained_parameters"] < made.manifest["parameters"] / 4
    ids = torch.tensor([[5, 9, 300, 42, 7, 31]])
    with torch.no_grad():
        merged = AutoModelForCausalLM.from_pretrained(made.model)(ids).logits
        under = AutoModelForCausalLM.from_pretrained(base)
        before = under(ids).logits
        together = PeftModel.from_pretrained(under, made.folder / "adapter")(ids).logits
    assert torch.allclose(merged, together, atol=1e-4)
    assert not torch.allclose(merged, before, atol=1e-2)


def test_a_base_in_half_precision_is_trained_in_it(base: Path, data: Path, tmp_path: Path) -> None:
    made = from_base(base, data, tmp_path, "weights_dtype=bfloat16")
    config = json.loads((made.model / "config.json").read_text(encoding="utf-8"))
    assert config["dtype"] == "bfloat16"


def test_autocast_keeps_float32_while_training_and_saves_half(
    base: Path, data: Path, tmp_path: Path
) -> None:
    made = from_base(base, data, tmp_path, "compute_dtype=bfloat16")
    config = json.loads((made.model / "config.json").read_text(encoding="utf-8"))
    assert config["dtype"] == "bfloat16" and made.manifest["compute_dtype"] == "bfloat16"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A place with room for a hundred kilobytes."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=100k", "tmpfs", str(place)], capture_output=True
    )
    if mounted.returncode:
        pytest.skip("needs the right to mount a file system")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def test_a_full_disk_ends_with_advice(data: Path, small_disk: Path) -> None:
    with pytest.raises(HarnessError, match=r"no space left|No space left"):
        small(data, small_disk)


def test_no_memory_ends_with_what_helps(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch
    from transformers import Qwen2Model

    def full(*_: Any, **__: Any) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")

    monkeypatch.setattr(Qwen2Model, "forward", full)
    with pytest.raises(HarnessError, match=r"micro_batch_size=1 .*gradient_checkpointing=true"):
        small(data, tmp_path)


def test_a_loss_of_nan_ends_with_advice_and_leaves_nothing(data: Path, tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match="the loss is nan; try a smaller learning rate"):
        small(data, tmp_path, ["learning_rate=1e20", "save_steps=", "max_steps=6"])
    assert not list((tmp_path / "demo").iterdir())


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("global_batch_size=3", "no multiple of micro_batch_size 2"),
        ("data.creative.n=23", r"creative: .*data.creative.n="),
        ("base=nowhere/at/all", "a base brings its own tokenizer"),
        ("data.creative.file=missing.jsonl", "missing.jsonl: no such file"),
    ],
)
def test_what_cannot_be_done_is_said_with_the_way_out(
    setting: str, message: str, data: Path, tmp_path: Path
) -> None:
    with pytest.raises(HarnessError, match=message):
        small(data, tmp_path, [setting])


def test_a_base_without_a_chat_template_is_refused(data: Path, tmp_path: Path) -> None:
    from tiny import byte_tokenizer, tiny_model

    tiny_model("qwen2", "ForCausalLM").save_pretrained(tmp_path / "base")
    byte_tokenizer(template=None).save_pretrained(tmp_path / "base")
    with pytest.raises(HarnessError, match="no chat template"):
        from_base(tmp_path / "base", data, tmp_path / "out")


def test_a_base_shorter_than_the_rows_may_be_is_refused(
    base: Path, data: Path, tmp_path: Path
) -> None:
    with pytest.raises(HarnessError, match=r"made for 1,024 tokens.*--set max_length=1024"):
        from_base(base, data, tmp_path, "max_length=2048")


def test_a_device_that_is_not_there_is_refused(data: Path, tmp_path: Path) -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("there is a CUDA device")
    with pytest.raises(UsageError, match="no CUDA device"):
        small(data, tmp_path, ["device=cuda"])


def test_a_test_that_is_not_at_hand_ends_a_training_before_anything_is_fetched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import constants

    from harness.training.job import train

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    with pytest.raises(HarnessError, match=r"harness data fetch .*wpb_zh"):
        train("coig_cw", output_path=tmp_path / "out")
    assert not (tmp_path / "hub").exists() and not (tmp_path / "out").exists()


def saved(folder: Path, family: str = "qwen2", head: str = "ForCausalLM", **changes: Any) -> Path:
    from tiny import byte_tokenizer, tiny_model

    tiny_model(family, head, **changes).save_pretrained(folder)
    byte_tokenizer().save_pretrained(folder)
    return folder


def test_a_base_that_lacks_weights_is_refused(data: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    classifier = saved(tmp_path / "classifier", head="ForSequenceClassification")
    with pytest.raises(HarnessError, match=r"Qwen2ForSequenceClassification that lacks .*lm_head"):
        from_base(classifier, data, tmp_path / "out")
    holes = saved(tmp_path / "holes")
    weights = load_file(holes / "model.safetensors")
    kept = {name: tensor for name, tensor in weights.items() if "layers.1.mlp" not in name}
    save_file(kept, holes / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(HarnessError, match=r"lacks 3 of the weights"):
        from_base(holes, data, tmp_path / "out")


def test_a_cut_off_base_is_refused(data: Path, tmp_path: Path) -> None:
    torn = saved(tmp_path / "torn")
    file = torn / "model.safetensors"
    file.write_bytes(file.read_bytes()[:5000])
    with pytest.raises(HarnessError, match="cannot be loaded"):
        from_base(torn, data, tmp_path / "out")


@pytest.mark.parametrize(
    ("family", "changes", "more", "message"),
    [
        ("qwen2", {}, ["lora.r=2", "lora.targets=nothere"], "lora.targets nothere"),
        ("qwen2", {}, ["lora.r=2", "lora.targets=[q_proj,lm_head]"], "leave embed_tokens and"),
        ("gemma2", {}, [], "--set attention=eager"),
        ("qwen2", {}, ["attention=flash_attention_2"], "--set attention=sdpa"),
        (
            "qwen2",
            {"tie_word_embeddings": True},
            ["lora.r=2", "lora.targets=embed_tokens"],
            "tied embeddings",
        ),
    ],
)
def test_what_a_base_cannot_do_is_said_before_it_is_tried(
    family: str,
    changes: dict[str, Any],
    more: list[str],
    message: str,
    data: Path,
    tmp_path: Path,
) -> None:
    with pytest.raises(HarnessError, match=message):
        from_base(saved(tmp_path / "base", family, **changes), data, tmp_path / "out", *more)
