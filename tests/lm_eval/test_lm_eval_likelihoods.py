"""Our tasks in lm-eval give the sums, verdicts and accuracies of `likelihood:PATH,norm=sum`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from lm_eval_runs import evaluate, manager, our_run, our_sums, samples, save_model, their_sums
from rows import row, rows, write_rows
from tiny import TEMPLATE, byte_tokenizer

from harness.errors import DataError, ModelError, UsageError

# each has something that lm-eval would count otherwise: BOS, white space, an end, a changed text
_TRIMS = TEMPLATE.replace("m['content']", "m['content'] | trim")
_OPEN = TEMPLATE.replace("<|end|>\\n{% endfor", "\\n\\n{% endfor").replace(
    "|>\\n{{ m", "|> {{ m"
)  # white space alone ends a text, and a space begins it
TOKENIZERS: dict[str, dict[str, Any]] = {
    "BOS in the template": {},
    "no BOS": {"bos": False},
    "BOS by the tokenizer": {"post_bos": True, "template": TEMPLATE.replace("{{ bos_token }}", "")},
    "BOS by both": {"post_bos": True},
    "texts are trimmed": {"bos": False, "template": _TRIMS},
    "no end of turn": {"bos": False, "template": _OPEN},
    "no chat template": {"bos": False, "template": None},
    "no chat template, BOS": {"post_bos": True, "template": None},
}
_ODD = [
    row("a prompt that ends with a line break\n", "\n\nlines first", "  a space first", "诗歌"),
    row("标点结尾。", "雨下得像旧信", "\n雨下得像旧信，一封一封。\n\n", "诗歌"),
    row("prompt", "the <|end|> of a turn in a text", "and [list], 'quotes', {braces}", "散文"),
]


@pytest.mark.parametrize("kind", TOKENIZERS)
def test_sums_of_log_probabilities_are_ours(kind: str, tmp_path: Path) -> None:
    model = save_model(tmp_path / "model", byte_tokenizer(**TOKENIZERS[kind]))
    data = write_rows(tmp_path / "pairs.json", [*_ODD, *rows(5, words=12)])
    judge = "plain" if "no chat" in kind else None
    ours = our_sums(our_run(model, tmp_path / "out", "wpb_zh", data=data, judge=judge))
    found = evaluate(model, ["harness_wpb_zh"], metadata={"data": {"harness_wpb_zh": str(data)}})
    theirs = samples(found)
    assert theirs.keys() == ours.keys() and len(ours) == 8
    for pair_id, sums in ours.items():
        assert their_sums(theirs[pair_id]) == pytest.approx(sums, rel=1e-4), pair_id


def test_a_recipe_renders_as_judge_does(tmp_path: Path) -> None:
    model = save_model(tmp_path / "model", byte_tokenizer(bos=False))
    data = write_rows(tmp_path / "pairs.json", rows(6, words=12))
    metadata = {"data": {"harness_wpb_zh": str(data)}, "render": "plain"}
    theirs = samples(evaluate(model, ["harness_wpb_zh"], metadata=metadata))
    plain = our_sums(our_run(model, tmp_path / "out", "wpb_zh", data=data, judge="plain"))
    chat = our_sums(our_run(model, tmp_path / "out", "wpb_zh", data=data))
    for pair_id, sums in plain.items():
        assert their_sums(theirs[pair_id]) == pytest.approx(sums, rel=1e-4)
        assert chat[pair_id] != pytest.approx(sums, rel=1e-2)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    small = {"hidden_size": 32, "intermediate_size": 64}
    folder = tmp_path_factory.mktemp("tiny") / "model"
    return save_model(folder, byte_tokenizer(bos=False), **small)


def test_accuracies_of_the_demo_are_ours_for_the_group_and_every_genre(
    model: Path, tmp_path: Path
) -> None:
    result = our_run(model, tmp_path / "out", "demo_en")
    found = evaluate(model, ["harness_demo_en"])
    theirs, ours = found["results"], result.results
    group = theirs["harness_demo_en"]
    assert group["acc,none"] == pytest.approx(ours["metrics"]["accuracy"], abs=1e-12)
    assert group["acc_half,none"] == pytest.approx(ours["metrics"]["accuracy_half"], abs=1e-12)
    assert group["sample_len"] == 64
    for genre, numbers in ours["genres"].items():
        [own] = [row for row in theirs.values() if row["alias"] == genre]
        assert own["acc,none"] == pytest.approx(numbers["accuracy"], abs=1e-12)
        assert own["sample_len"] == numbers["n"]
    sums = our_sums(result)
    for pair_id, sample in samples(found).items():
        assert their_sums(sample) == pytest.approx(sums[pair_id], rel=1e-4)
        chosen, rejected = their_sums(sample)
        assert sample["margin"] == pytest.approx(chosen - rejected)


def test_real_pairs_give_the_same_sums_and_accuracy(
    model: Path, shared_data: Path, tmp_path: Path
) -> None:
    lines = (shared_data / "wpb_pairs_zh_dev.jsonl").read_text("utf-8").splitlines()
    # byte tokens, three a character: the longest would take minutes
    short = sorted(lines, key=len)[:40]
    data = tmp_path / "dev.jsonl"
    data.write_text("\n".join(short) + "\n", encoding="utf-8")
    result = our_run(model, tmp_path / "out", "wpb_zh", data=data)
    found = evaluate(model, ["harness_wpb_zh"], metadata={"data": {"harness_wpb_zh": str(data)}})
    group, sums, theirs = found["results"]["harness_wpb_zh"], our_sums(result), samples(found)
    assert theirs.keys() == sums.keys() and len(sums) == 40
    for pair_id, both in sums.items():
        assert their_sums(theirs[pair_id]) == pytest.approx(both, rel=1e-4)
    assert group["acc,none"] == pytest.approx(result.results["metrics"]["accuracy"], abs=1e-12)


def test_a_genre_without_pairs_counts_nowhere(model: Path, tmp_path: Path) -> None:
    data = write_rows(tmp_path / "pairs.json", rows(8, words=8))
    found = evaluate(model, ["harness_wpb_zh"], metadata={"data": {"harness_wpb_zh": str(data)}})
    empty = found["results"]["harness_wpb_zh_funny"]
    assert empty == {"name": "harness_wpb_zh_funny", "alias": "Funny", "sample_len": 0}
    assert found["results"]["harness_wpb_zh"]["sample_len"] == 8


def loading(task: str = "harness_demo_zh_poetry", **metadata: Any) -> Any:
    return manager(**metadata).load([task])


def test_a_text_longer_than_the_model_is_refused_before_the_model_is_asked(tmp_path: Path) -> None:
    model = save_model(tmp_path / "m", byte_tokenizer(bos=False), max_position_embeddings=128)
    with pytest.raises(ModelError, match=r"longer than the model's 128 tokens .*--truncate"):
        loading(pretrained=str(model))
    assert loading(pretrained=str(model), max_length=4096)["tasks"]


def test_a_second_chat_template_around_ours_is_refused(
    model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["lm_eval", "run", "--apply_chat_template"])
    with pytest.raises(UsageError, match="--apply_chat_template: leave it out"):
        loading(pretrained=str(model))
    with pytest.raises(UsageError, match="--apply_chat_template: leave it out"):
        loading("harness_demo_writing_zh", pretrained=str(model))
    task = loading(pretrained=str(model), render="lm_eval")["tasks"]["harness_demo_zh_poetry"]
    assert not task.eval_docs[0]["context"].startswith("<|user|>")
    assert loading()["tasks"], "without a checkpoint there is nothing to render twice"


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ({"data": {"harness_demo_z": "x"}}, "unknown task 'harness_demo_z': did you mean"),
        ({"data": {"harness_demo_zh": "nosuch"}}, "data, harness_demo_zh: nosuch: no such file"),
        ({"data": "nosuch"}, 'must be {"TASK": "FILE"}'),
        ({"render": "plain"}, "render=plain: name the checkpoint"),
    ],
)
def test_wrong_metadata_is_one_message(metadata: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError) as error:
        loading(**metadata)
    assert message in str(error.value)


def test_an_unknown_recipe_is_named(model: Path) -> None:
    with pytest.raises(
        UsageError, match="unknown reward-model recipe 'plian': did you mean 'plain'"
    ):
        loading(pretrained=str(model), render="plian")


def test_a_file_that_cannot_be_had_names_lm_evals_way_out(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(DataError) as error:
        loading("harness_wpb_en_poetry")
    assert """--metadata '{"data": {"harness_wpb_en": "FILE"}}'""" in str(error.value)
