"""The plan of a training: what training then makes, or what the recipe alone allows to say."""

from __future__ import annotations

import json
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from small import SMALL, rows_file

from harness.errors import HarnessError
from harness.training.job import Trained, train
from harness.training.plan import Plan, plan

pytest.importorskip("torch", reason="needs the extra hf")
pytest.importorskip("trl", reason="needs the extra train")

COMMIT = "c" * 40
REWARD = (
    "max_steps=3", "global_batch_size=4", "micro_batch_size=4", "max_length=256",
    "tokenizer.vocab_size=320",
    "model={hidden_size: 16, intermediate_size: 32, num_hidden_layers: 1, num_attention_heads: 2, "
    "num_key_value_heads: 1, max_position_embeddings: 256}",
)  # fmt: skip


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, ...]:
    """The overrides of a training of sixteen rows, for eight steps of four."""
    file = rows_file(tmp_path_factory.mktemp("rows"))
    return (f"data.creative.file={file}", *SMALL)


@pytest.fixture
def empty_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The hub's cache, empty, and no network: whoever connects fails the test."""
    from huggingface_hub import constants

    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("a plan must not go to the network")

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    return tmp_path / "hub"


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny Qwen2 with untied words."""
    from tiny import byte_tokenizer, tiny_model

    folder = tmp_path_factory.mktemp("base")
    tiny_model("qwen2", "ForCausalLM", tie_word_embeddings=False).save_pretrained(folder)
    byte_tokenizer().save_pretrained(folder)
    return folder


def both(recipe: str, overrides: Sequence[str], place: Path) -> tuple[Plan, Trained, Plan]:
    """A plan, the training, and a plan again."""
    before = plan(recipe, output_path=place, overrides=overrides)
    assert not list(place.iterdir()), "a plan writes nothing"
    made = train(recipe, output_path=place, overrides=overrides)
    return before, made, plan(recipe, output_path=place, overrides=overrides)


def facts(one: Plan) -> tuple[Any, ...]:
    return one.folder, one.steps, one.tokens, one.parameters, dict(one.sources)


# where everything is at hand


def test_steps_tokens_parameters_rows_and_folder_are_those_of_the_training(
    small: tuple[str, ...], tmp_path: Path
) -> None:
    before, made, after = both("demo", small, tmp_path)
    manifest = made.manifest
    sources = {name: one["n"] for name, one in manifest["mixture"]["sources"].items()}
    whole = (made.folder, manifest["steps"], manifest["tokens"], manifest["parameters"], sources)
    assert facts(before) == facts(after) == whole
    assert before.exact and not before.missing
    assert (before.finished, after.finished) == (False, True)
    assert f"would be written: {made.folder}" in before.lines()
    assert f"finished: {made.folder}" in after.lines()
    assert before.mixture == after.mixture


def test_of_a_part_of_an_epoch_tokens_are_its_share_and_exact_when_finished(
    small: tuple[str, ...], tmp_path: Path
) -> None:
    before, made, after = both("demo", [*small, "max_steps=", "max_tokens=500"], tmp_path)
    assert (before.steps, before.folder) == (made.manifest["steps"], made.folder)
    assert before.tokens == round(made.manifest["tokens_per_epoch"] * made.manifest["steps"] / 4)
    assert before.tokens == pytest.approx(made.manifest["tokens"], rel=0.05)
    assert after.tokens == made.manifest["tokens"]


def test_packs_are_counted_as_they_are_packed(small: tuple[str, ...], tmp_path: Path) -> None:
    packed = ["packing=true", "max_steps=", "epochs=2", "global_batch_size=1", "micro_batch_size=1"]
    before, made, _ = both("demo", [*small, *packed], tmp_path)
    assert before.steps == made.manifest["steps"] == 2 * made.manifest["samples"] < 2 * 16
    assert before.tokens == made.manifest["tokens"] == 2 * made.manifest["tokens_per_epoch"]


def test_a_reward_model_has_its_own_head_and_tokens_at_most(
    pairs_file: Path, base: Path, tmp_path: Path
) -> None:
    from tiny import tiny_model

    overrides = [f"data={{demo_zh: {{file: {pairs_file}}}}}", *REWARD]
    before, made, after = both("demo_reward", overrides, tmp_path)
    manifest = made.manifest
    assert before.parameters == after.parameters == manifest["parameters"]
    assert (before.folder, before.steps) == (made.folder, 3) and before.sources == {"demo_zh": 6}
    assert not before.exact and before.tokens == 3 * 4 * 2 * 256 >= manifest["tokens"]
    assert after.exact and after.finished and after.tokens == manifest["tokens"]
    based = [*overrides, "tokenizer=", "model=", f"base={base}"]
    n = sum(weight.numel() for weight in tiny_model("qwen2").parameters())
    assert plan("demo_reward", output_path=tmp_path, overrides=based).parameters == n


def test_a_ratio_says_how_many_general_rows_there_are(
    small: tuple[str, ...], tmp_path: Path
) -> None:
    general = f"data.general_zh.file={small[0].partition('=')[2]}"
    more = ["data.creative.n=4", general, "data.general_zh.n=", "ratio=2.5"]
    found = plan("demo", output_path=tmp_path, overrides=[*small, *more])
    assert found.sources == {"creative": 4, "general_zh": 10, "general_en": 0}
    assert any("1:2.50 in samples" in line for line in found.lines())


def test_adapters_of_a_base_need_fewer_operations_and_less_memory(
    base: Path, small: tuple[str, ...], tmp_path: Path
) -> None:
    from transformers import AutoModelForCausalLM

    overrides = [*small, "tokenizer=", "model=", f"base={base}", "device=auto"]
    full = plan("demo", output_path=tmp_path, overrides=overrides)
    lora = plan("demo", output_path=tmp_path, overrides=[*overrides, "lora.r=4"])
    network = AutoModelForCausalLM.from_pretrained(base)
    n = sum(weight.numel() for weight in network.parameters())
    assert full.parameters == lora.parameters == n
    assert full.gpu_hours == pytest.approx(6 * n * full.tokens / (989e12 * 0.4) / 3600)  # type: ignore[operator]
    assert lora.gpu_hours == pytest.approx(full.gpu_hours * 4 / 6)  # type: ignore[operator]
    assert lora.folder != full.folder


# where it is not


def test_of_a_shipped_recipe_steps_the_most_tokens_and_gpu_hours_are_known_beforehand(
    empty_hub: Path, tmp_path: Path
) -> None:
    found = plan("coig_cw_10k", output_path=tmp_path)
    assert found.sources == {"creative": 1_665, "general_zh": 10_000, "general_en": 10_000}
    assert found.steps == 3 * -(-21_665 // 32) == 2_034
    assert found.tokens == 2_034 * 32 * 8_192 and not found.exact and found.folder is None
    assert found.parameters == 7_615_616_512
    hours = 8 * 7_615_616_512 * found.tokens / (989e12 * 0.4 * 3600)
    assert found.gpu_hours == pytest.approx(hours)
    assert found.line == (
        "2,034 steps, at most 533,200,896 tokens, at most 23 GPU hours (40 % of 989 TFLOP/s, H100)"
    )


def test_everything_that_is_not_at_hand_is_named_with_a_way_out(
    empty_hub: Path, tmp_path: Path
) -> None:
    found = plan("coig_cw_10k", output_path=tmp_path)
    for part in ("base=DIR", "data.creative.file=", "data.general_zh.file=", "data.general_en.file=",
                 "harness data fetch coig_writer_zh coig_writer_en wpb_zh wpb_en"):  # fmt: skip
        assert sum(part in one for one in found.missing) == 1, part
    assert len(found.missing) == 5
    assert [f"not at hand: {one}" for one in found.missing] == [
        line for line in found.lines() if line.startswith("not at hand")
    ]
    own = plan("coig_cw", output_path=tmp_path, overrides=["contamination=none"])
    assert len(own.missing) == 2  # sources of no rows are not missed


def test_rows_kept_back_to_evaluate_on_are_not_trained_on(empty_hub: Path, tmp_path: Path) -> None:
    found = plan("coig_cw", output_path=tmp_path, overrides=["data.creative.eval_n=65"])
    assert found.sources["creative"] == 1_600 and found.steps == 3 * 50


def test_a_bound_of_tokens_is_the_number_of_tokens(empty_hub: Path, tmp_path: Path) -> None:
    found = plan("coig_cw_tokens", output_path=tmp_path)
    assert (found.steps, found.tokens) == (None, 100_000_000)
    assert found.line.startswith("? steps, 100,000,000 tokens, about 4.3 GPU hours")


def test_of_a_base_of_the_hub_config_and_tokenizer_are_enough_to_count(
    empty_hub: Path, base: Path, small: tuple[str, ...], tmp_path: Path
) -> None:
    cache = empty_hub / "models--who--what"
    snapshot = cache / "snapshots" / COMMIT
    snapshot.mkdir(parents=True)
    for file in base.glob("*.json"):
        (snapshot / file.name).write_bytes(file.read_bytes())
    for file in base.glob("*.jinja"):
        (snapshot / file.name).write_bytes(file.read_bytes())
    (cache / "refs").mkdir()
    (cache / "refs" / "main").write_text(COMMIT)
    overrides = [*small, "tokenizer=", "model=", "base=who/what"]
    found = plan("demo", output_path=tmp_path, overrides=overrides)
    local = plan("demo", output_path=tmp_path, overrides=[*overrides[:-1], f"base={base}"])
    assert facts(found)[1:] == facts(local)[1:] and found.exact
    assert len(found.missing) == 1 and "base who/what" in found.missing[0]
    (snapshot / "model.safetensors").write_bytes(b"")
    assert not plan("demo", output_path=tmp_path, overrides=overrides).missing


@pytest.mark.parametrize("name", ["./nowhere", "nowhere", "~/nowhere", "a/b/c", "/nowhere/at/all"])
def test_a_base_that_cannot_be_one_is_an_error_and_no_librarys(
    name: str, empty_hub: Path, tmp_path: Path
) -> None:
    with pytest.raises(HarnessError, match=name):
        plan("coig_cw", output_path=tmp_path, overrides=[f"base={name}"])


def test_of_half_a_config_the_size_is_unknown_and_said_so(empty_hub: Path, tmp_path: Path) -> None:
    folder = tmp_path / "half"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({"model_type": "llama"}))
    found = plan("coig_cw", output_path=tmp_path, overrides=[f"base={folder}"])
    assert found.parameters is None and found.gpu_hours is None and found.steps == 159
    assert found.lines()[0].startswith("coig_cw: ? parameters")


def test_the_command_spreads_the_batch_evenly_and_keeps_every_argument(
    empty_hub: Path, tmp_path: Path
) -> None:
    def launch(*overrides: str, place: Path = tmp_path) -> str:
        return plan("coig_cw", output_path=place, overrides=overrides).launch

    assert "--num_processes 8 " in launch() and launch().endswith(f"--output_path {tmp_path}")
    assert launch(place=Path("results/train")).endswith("-m harness train coig_cw")
    assert "--num_processes 6 " in launch("global_batch_size=12", "micro_batch_size=2")
    assert "--mixed_precision no" in launch("compute_dtype=float32")
    assert "'--set=about=a b'" in launch("about=a b")
    for alone in ("device=cpu", "global_batch_size=1", "micro_batch_size=32"):
        assert launch(alone) == ""
    lines = plan("coig_cw", output_path=tmp_path, overrides=["device=cpu"]).lines()
    assert not any("several GPUs" in line for line in lines)
