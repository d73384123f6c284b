"""Training two steps: the folder, the checkpoint, and the same weights every time."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import random
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from harness.bundled import bundled_dir
from harness.data import load_pairs
from harness.errors import HarnessError, MissingExtra, ModelError, RunBusy
from harness.spec_files import load_named
from harness.specs import TaskSpec
from harness.training.job import Trained, train

pytest.importorskip("torch", reason="needs the extra hf")
pytest.importorskip("trl", reason="needs the extra train")

SMALL = (
    "max_steps=2",
    "warmup_steps=0",
    "global_batch_size=4",
    "micro_batch_size=4",
    "max_length=256",
    "tokenizer.vocab_size=320",
    "model={hidden_size: 16, intermediate_size: 32, num_hidden_layers: 1, "
    "num_attention_heads: 2, num_key_value_heads: 1, max_position_embeddings: 256}",
)


def small(file: Path, output_path: Path, more: Sequence[str] = ()) -> Trained:
    data = f"data={{demo_zh: {{file: {file}}}}}"
    return train("demo_reward", output_path=output_path, overrides=[data, *SMALL, *more])


def weights(trained: Trained) -> str:
    return hashlib.sha256((trained.model / "model.safetensors").read_bytes()).hexdigest()


def pairs_of(file: Path) -> dict[str, str]:
    task = load_named("tasks", "demo_zh", TaskSpec, "task")
    return {pair.pair_id: pair.genre for pair in load_pairs(task, file=file).pairs}


@pytest.fixture(scope="module")
def trained(pairs_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    return small(pairs_file, tmp_path_factory.mktemp("out"))


def test_the_checkpoint_loads_with_every_weight(trained: Trained) -> None:
    from transformers import AutoModelForSequenceClassification

    model, info = AutoModelForSequenceClassification.from_pretrained(
        trained.model, output_loading_info=True
    )
    assert not info["missing_keys"] and not info["unexpected_keys"]
    assert model.config.num_labels == 1
    assert model.config.architectures == ["Qwen2ForSequenceClassification"]
    assert sum(p.numel() for p in model.parameters()) == trained.manifest["parameters"]


def test_the_tokenizer_comes_back_with_pad_apart_from_end_and_no_double_bos(
    trained: Trained,
) -> None:
    from transformers import AutoConfig, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(trained.model)
    chat = [{"role": "user", "content": "写"}, {"role": "assistant", "content": "雨停了\n！ 🙂"}]
    text = tokenizer.apply_chat_template(chat, tokenize=False)
    assert text == "<|user|>写<|end|><|assistant|>雨停了\n！ 🙂<|end|>"
    ids = tokenizer(text)["input_ids"]
    assert ids == tokenizer(text, add_special_tokens=False)["input_ids"]
    assert ids == tokenizer.apply_chat_template(chat, tokenize=True)["input_ids"]
    assert tokenizer.bos_token_id is None and ids.count(ids[0]) == 1
    assert ids[-1] == tokenizer.eos_token_id != tokenizer.pad_token_id
    assert tokenizer.decode(ids) == text
    assert AutoConfig.from_pretrained(trained.model).pad_token_id == tokenizer.pad_token_id


def test_held_out_and_training_pairs_are_the_whole_file_and_disjoint(
    trained: Trained, pairs_file: Path
) -> None:
    everything, held = pairs_of(pairs_file), pairs_of(trained.held_out["demo_zh"])
    assert len(held) == 6 and held.items() <= everything.items()
    source = trained.manifest["mixture"]["sources"]["demo_zh"]
    for ids, recorded in (
        (everything.keys() - held.keys(), source),
        (held.keys(), source["held_out"]),
    ):
        joined = "\n".join(sorted(ids)).encode()
        assert hashlib.sha256(joined).hexdigest() == recorded["sha256_ids"]
        assert len(ids) == recorded["n"]
    assert source["sha256"] == hashlib.sha256(pairs_file.read_bytes()).hexdigest()


def test_the_held_out_file_has_the_keys_of_the_official_records(trained: Trained) -> None:
    for row in json.loads(trained.held_out["demo_zh"].read_text(encoding="utf-8")):
        assert list(row) == sorted(["prompt", "prompt_id", "tag", "chosen", "rejected"])
        assert len(row["chosen"]) == len(row["rejected"]) == 6


def test_the_manifest_and_the_log_say_what_was_done(trained: Trained) -> None:
    manifest = json.loads((trained.folder / "manifest.json").read_text(encoding="utf-8"))
    assert manifest == trained.manifest
    assert manifest["overrides"]["max_steps"] == 2
    assert manifest["settings"]["global_batch_size"] == 4
    assert {"torch", "trl", "transformers"} <= manifest["versions"].keys()
    assert manifest["identity_sha256"][:8] == trained.folder.name
    log = (trained.folder / "log.jsonl").read_text(encoding="utf-8")
    rows = [json.loads(line) for line in log.splitlines()]
    steps = [row for row in rows if "loss" in row]
    assert [row["step"] for row in steps] == [1, 2]
    assert all({"loss", "accuracy"} <= row.keys() for row in steps)
    assert [row["step"] for row in rows if "eval_loss" in row] == [0, 2]


def test_the_same_settings_find_the_finished_folder(trained: Trained, pairs_file: Path) -> None:
    again = small(pairs_file, trained.folder.parent.parent)
    assert again.reused and not trained.reused
    assert (again.folder, again.manifest) == (trained.folder, trained.manifest)


def test_trained_twice_the_weights_are_the_same(
    trained: Trained, pairs_file: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    again = small(pairs_file, tmp_path)
    assert not again.reused
    assert again.folder.name == trained.folder.name
    assert weights(again) == weights(trained)
    assert capfd.readouterr() == ("", "")  # and the libraries say nothing


def test_the_order_of_the_file_changes_neither_weights_nor_held_out_pairs(
    trained: Trained, pairs_file: Path, tmp_path: Path
) -> None:
    rows = json.loads(pairs_file.read_text(encoding="utf-8"))
    file = tmp_path / "shuffled.json"
    file.write_text(json.dumps(random.Random(1).sample(rows, len(rows))), encoding="utf-8")
    shuffled = small(file, tmp_path)
    assert weights(shuffled) == weights(trained)
    assert shuffled.held_out["demo_zh"].read_bytes() == trained.held_out["demo_zh"].read_bytes()


def test_another_seed_is_another_folder_with_other_weights(
    trained: Trained, pairs_file: Path, tmp_path: Path
) -> None:
    other = small(pairs_file, tmp_path, ["seed=1"])
    assert other.folder.name != trained.folder.name
    assert weights(other) != weights(trained)


def test_a_folder_that_lost_a_file_is_trained_again(pairs_file: Path, tmp_path: Path) -> None:
    first = small(pairs_file, tmp_path)
    before = weights(first)
    (first.model / "model.safetensors").unlink()
    again = small(pairs_file, tmp_path)
    assert not again.reused and weights(again) == before


def test_a_training_that_fails_leaves_nothing_half_written(
    pairs_file: Path, tmp_path: Path
) -> None:
    with pytest.raises(ModelError, match=r"longest, in row \d+, has .*max_length="):
        small(pairs_file, tmp_path, ["max_length=8"])
    with pytest.raises(HarnessError, match="the loss is nan; try a smaller learning rate"):
        small(pairs_file, tmp_path, ["learning_rate=1e20", "max_steps=4"])
    assert not list((tmp_path / "demo_reward").iterdir())


def test_what_a_killed_training_left_is_swept_away(
    trained: Trained, pairs_file: Path, tmp_path: Path
) -> None:
    left = tmp_path / "demo_reward" / f".{trained.folder.name}.partial" / "model"
    left.mkdir(parents=True)
    (left / "old.json").write_text("{")
    again = small(pairs_file, tmp_path)
    assert not (again.model / "old.json").exists() and not left.parent.exists()


def test_a_second_process_on_the_same_folder_is_told_so(
    trained: Trained, pairs_file: Path, tmp_path: Path
) -> None:
    partial = tmp_path / "demo_reward" / f".{trained.folder.name}.partial"
    partial.mkdir(parents=True)
    handle = os.open(partial, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        with pytest.raises(RunBusy, match="another process is training it"):
            small(pairs_file, tmp_path)
    finally:
        os.close(handle)


def test_without_the_extra_one_line_says_what_to_install(
    pairs_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "trl", None)
    with pytest.raises(MissingExtra, match=r"harness train needs an extra.*\[train\]"):
        small(pairs_file, tmp_path)
    assert not list(tmp_path.iterdir())


def test_the_command_prints_how_to_score_the_held_out_pairs(
    trained: Trained, pairs_file: Path
) -> None:
    from click.testing import CliRunner

    from harness.cli.main import cli

    output_path = trained.folder.parent.parent
    flags = [f"--set={text}" for text in (f"data={{demo_zh: {{file: {pairs_file}}}}}", *SMALL)]
    said = CliRunner().invoke(
        cli, ["train", "demo_reward", "--output-path", str(output_path), *flags]
    )
    assert said.exit_code == 0, said.output
    assert f"trained before, reused: {trained.folder}" in said.output
    assert f"--data demo_zh={trained.held_out['demo_zh']} --model {trained.model}" in said.output


def test_the_demo_puts_the_nulls_beside_the_model_and_the_interval_beside_the_number(
    trained: Trained, tmp_path: Path
) -> None:
    from harness.cli.demo import NULLS, closing, run_models, tables
    from harness.reports.text import interval, percent

    by_task = run_models(trained, tmp_path)
    models, genres = tables("demo_zh", by_task["demo_zh"])
    assert set(models.values("model")) == {"demo_reward", *(f"baseline:{n}" for n in NULLS)}
    assert models.values("n") == [6] * 6
    assert [column.key for column in models.columns] == ["model", "accuracy", "wilson95", "n"]
    assert genres.values("n") == [2, 2, 2]
    metrics = by_task["demo_zh"][0].results["metrics"]
    assert closing(by_task, trained, tmp_path / "arena", tmp_path)[0] == (
        f"demo_zh: demo_reward is right on {percent(metrics['accuracy'])} % of 6 pairs, "
        f"Wilson 95% interval {interval(metrics['wilson95'])}."
    )


def test_the_demos_arena_sets_the_authors_of_the_held_out_texts_against_each_other(
    trained: Trained, tmp_path: Path
) -> None:
    from harness.cli.demo import demo_settings
    from harness.cli.demo_arena import run_arena

    shipped = replace(trained, held_out={"demo_zh": bundled_dir("tasks") / "demo_zh.json"})
    found = run_arena(shipped, demo_settings(), tmp_path).results
    assert found["runs"] == ["author-a", "author-b"]
    assert found["n"][0][1] == 32
    assert found["model"]["name"] == "demo_reward"
