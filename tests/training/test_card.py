"""The model card: what the hub reads in it, its numbers, and names that mean it ill."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
from small import rows_file, small

from harness.training.card import model_card
from harness.training.job import train

pytest.importorskip("torch", reason="needs the extra hf")
pytest.importorskip("trl", reason="needs the extra train")

HOSTILE = "a|b`c`\n# d\n<script>e</script> **f** [g](h) \\.jsonl"
ONE_LINE = "a|b`c` # d <script>e</script> **f** [g](h) \\.jsonl"
HUB = {"name": "Qwen/Qwen2.5-7B-Instruct", "revision": "a" * 40, "fingerprint": "f" * 64}
REWARD = (
    "max_steps=1", "warmup_steps=0", "global_batch_size=4", "micro_batch_size=4",
    "max_length=256", "tokenizer.vocab_size=320",
    "model={hidden_size: 16, intermediate_size: 32, num_hidden_layers: 1, num_attention_heads: 2, "
    "num_key_value_heads: 1, max_position_embeddings: 256}",
)  # fmt: skip


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], str]:
    """The manifest of a real training of two sources, and the card that lies by its model."""
    folder = tmp_path_factory.mktemp("writer")
    file = rows_file(folder)
    more = [f"data.general_zh.file={file}", "data.general_zh.n=4", "data.creative.n=8"]
    done = small(file, folder, [*more, "max_steps=2"])
    return dict(done.manifest), (done.model / "README.md").read_text(encoding="utf-8")


@pytest.fixture
def manifest(made: tuple[dict[str, Any], str]) -> dict[str, Any]:
    """A copy to change."""
    return copy.deepcopy(made[0])


def front(card: str) -> dict[str, Any]:
    """The card's front matter as the hub's own client reads it."""
    from huggingface_hub import ModelCard

    found: dict[str, Any] = ModelCard(card).data.to_dict()
    return found


def html(card: str) -> str:
    """The text below the front matter, as a browser gets it."""
    markdown_it = pytest.importorskip("markdown_it")
    parser = markdown_it.MarkdownIt("commonmark").enable("table")
    rendered: str = parser.render(card.split("\n---\n", 1)[1])
    return rendered


def tables(card: str) -> list[list[list[str]]]:
    """The cells' texts of every table, row by row."""
    markdown_it = pytest.importorskip("markdown_it")
    parser = markdown_it.MarkdownIt("commonmark").enable("table")
    found: list[list[list[str]]] = []
    for token in parser.parse(card.split("\n---\n", 1)[1]):
        if token.type == "table_open":
            found.append([])
        elif token.type == "tr_open":
            found[-1].append([])
        elif token.type == "inline" and token.level >= 4:
            children = token.children or []
            assert all(child.type in ("text", "text_special") for child in children), token.content
            found[-1][-1].append("".join(child.content for child in children))
    return found


def settings(card: str) -> dict[str, str]:
    return dict(tables(card)[1][1:])


def test_the_card_by_the_model_is_that_of_the_manifest(made: tuple[dict[str, Any], str]) -> None:
    manifest, card = made
    assert model_card(manifest) == card
    assert model_card(manifest | {"files": {}, "wall_seconds": 9}) == card


def test_the_hub_reads_task_library_and_tags_and_no_licence(
    made: tuple[dict[str, Any], str],
) -> None:
    assert front(made[1]) == {
        "language": ["zh", "en"],
        "library_name": "transformers",
        "pipeline_tag": "text-generation",
        "tags": ["creative-writing", "writing-harness", "sft"],
    }


def test_only_a_base_of_the_hub_is_named_as_base_model(manifest: dict[str, Any]) -> None:
    card = model_card(manifest | {"base": HUB})
    assert front(card)["base_model"] == HUB["name"]
    assert f"trained from {HUB['name']} (revision {'a' * 40})" in card
    folder = {"name": "my_base", "revision": None, "fingerprint": "f" * 64}
    card = model_card(manifest | {"base": folder})
    assert "base_model" not in front(card) and "trained from my_base by" in card


def test_the_numbers_are_the_manifests(made: tuple[dict[str, Any], str]) -> None:
    manifest, card = made
    assert f"A writing model of {manifest['parameters']:,} parameters, trained from scratch" in card
    rows = {name: cells for name, *cells in tables(card)[0][1:]}
    sources = manifest["mixture"]["sources"]
    assert rows.keys() == sources.keys()
    for name, one in sources.items():
        assert rows[name][:2] == [f"{one['n']:,}", f"{one['tokens']:,}"]
    assert [sources[name]["n"] for name in ("creative", "general_zh")] == [8, 4]
    said = settings(card)
    assert said["steps"] == "2" and said["tokens seen"] == f"{manifest['tokens']:,}"
    assert said["learning_rate"] == str(manifest["settings"]["learning_rate"])
    assert f"Loss {manifest['first_loss']:.4f} in" in card
    assert f"{manifest['last_loss']:.4f} in its last." in card
    assert f"{manifest['first_eval_loss']:.4f} before" in card
    assert f"{manifest['last_eval_loss']:.4f} after" in card


def test_the_ratio_is_said_in_rows_and_in_tokens(made: tuple[dict[str, Any], str]) -> None:
    tokens = [made[0]["mixture"]["sources"][n]["tokens"] for n in ("general_zh", "creative")]
    said = f"Creative to general: 1:0.50 in rows, 1:{tokens[0] / tokens[1]:.2f} in tokens."
    assert said in made[1]


@pytest.mark.parametrize(
    ("ratio", "said"),
    [(0.0, "There is no general row in it."), (None, "There is no creative row in it.")],
)
def test_a_mixture_of_one_kind_has_no_ratio(
    ratio: float | None, said: str, manifest: dict[str, Any]
) -> None:
    manifest["mixture"] |= {"ratio_samples": ratio, "ratio_tokens": ratio}
    assert said in model_card(manifest)


def test_settings_that_are_zero_are_said_and_those_that_do_not_rule_are_not(
    manifest: dict[str, Any],
) -> None:
    manifest["settings"] |= {"seed": 0, "weight_decay": 0.0, "warmup_steps": 0}
    said = settings(model_card(manifest))
    assert (said["seed"], said["weight_decay"], said["warmup_steps"]) == ("0", "0.0", "0")
    assert not said.keys() & {"epochs", "warmup_ratio", "packing", "lora", "max_tokens"}
    manifest["settings"] |= {"warmup_steps": None, "max_steps": None, "packing": True}
    said = settings(model_card(manifest))
    assert {"epochs", "warmup_ratio", "packing"} <= said.keys()


def test_losses_of_several_steps_are_called_means_and_none_is_made_up(
    manifest: dict[str, Any],
) -> None:
    manifest["settings"]["logging_steps"] = 10
    assert "(means over 10 steps)" in model_card(manifest)
    manifest |= dict.fromkeys(("first_loss", "last_loss", "first_eval_loss", "last_eval_loss"))
    card = model_card(manifest)
    assert "Loss" not in card and "None" not in card and "held out" not in card


def test_that_no_test_was_looked_for_is_said_in_bold(made: tuple[dict[str, Any], str]) -> None:
    assert "<strong>The data was not held against any test.</strong>" in html(made[1])


def test_the_tests_that_were_looked_for_are_named_with_what_was_left_out(
    manifest: dict[str, Any],
) -> None:
    manifest["settings"]["contamination"] = ["wpb_zh", "coig_writer_zh"]
    names = "The rows were held against the texts of `wpb_zh`, `coig_writer_zh`: "
    assert names + "nothing was found." in model_card(manifest)
    manifest["mixture"]["sources"]["creative"]["contaminated"] = 1_200
    assert names + "1,200 rows were left out." in model_card(manifest)


def test_how_it_answers_is_said(manifest: dict[str, Any]) -> None:
    assert "It thinks between `<think>` and `</think>`" in model_card(manifest)
    manifest["settings"]["target"] |= {"thought": False}
    card = model_card(manifest)
    assert "It answers at once" in card and "think>" not in card


def test_overrides_are_shown_without_the_folders_of_the_machine(manifest: dict[str, Any]) -> None:
    manifest["overrides"] = {
        "data.creative.file": "/home/me/secret/rows.jsonl",
        "data": {"creative": {"file": "~/secret/own.jsonl", "n": 3}},
        "contamination_data": {"wpb_zh": "secret/wpb.json"},
        "contamination_data.wpb_en": "secret/en.json",
        "base": "/home/me/secret/base/",
        "target.system": "/no_think and/or more",
        "tokenizer": None,
    }
    card = model_card(manifest)
    assert "secret" not in card
    said = dict(tables(card)[2][1:])
    assert said["data.creative.file"] == "rows.jsonl" and said["base"] == "base"
    assert said["data"] == '{"creative": {"file": "own.jsonl", "n": 3}}'
    assert said["contamination_data"] == '{"wpb_zh": "wpb.json"}'
    assert said["target.system"] == "/no_think and/or more" and said["tokenizer"] == "null"


def test_a_base_of_the_hub_keeps_its_owner_among_the_overrides(manifest: dict[str, Any]) -> None:
    manifest |= {"base": HUB, "overrides": {"base": HUB["name"]}}
    assert dict(tables(model_card(manifest))[2][1:])["base"] == HUB["name"]


def test_hostile_names_stay_in_their_cells(manifest: dict[str, Any]) -> None:
    manifest["mixture"]["sources"]["creative"]["file"] = HOSTILE
    manifest["overrides"] = {HOSTILE: HOSTILE}
    manifest["base"] = HUB | {"name": HOSTILE}
    manifest["hardware"]["device"] = HOSTILE
    card = model_card(manifest)
    found = tables(card)
    assert [len(set(map(len, table))) for table in found] == [1, 1, 1]
    assert found[0][1][-1] == ONE_LINE and found[2][1] == [ONE_LINE, ONE_LINE]
    assert settings(card)["device"] == ONE_LINE
    assert "<script" not in html(card) and html(card).count("<h1>") == 1
    assert front(card)["base_model"] == HOSTILE


def test_a_reward_models_card_has_pairs_and_no_word_of_mixtures(
    pairs_file: Path, tmp_path: Path
) -> None:
    data = f"data={{demo_zh: {{file: {pairs_file}}}}}"
    done = train("demo_reward", output_path=tmp_path, overrides=[data, *REWARD])
    card = (done.model / "README.md").read_text(encoding="utf-8")
    assert front(card)["pipeline_tag"] == "text-classification"
    source = done.manifest["mixture"]["sources"]["demo_zh"]
    assert tables(card)[0] == [
        ["task", "pairs", "held out", "tokens", "file"],
        ["demo_zh", "6", "6", f"{source['tokens']:,}", "pairs.json"],
    ]
    assert str(pairs_file.parent) not in card
    assert not any(word in card for word in ("Creative to general", "thinks", "held against"))
