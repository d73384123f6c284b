"""Checkpoints, templates and texts off the beaten track: right, or refused in one line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from tiny import TEMPLATE, byte_tokenizer, plain_score, tiny_model

from harness.errors import ModelError
from harness.models import ModelSettings, open_model
from harness.models.engine import engine_kind
from harness.models.reward import HfReward
from harness.records import Candidate, short_id

CPU = ModelSettings(device="cpu")
PROMPT = "write\nrain\nplease"


def candidates(*texts: str) -> list[Candidate]:
    return [Candidate(short_id("zh", PROMPT, text), "zh", PROMPT, text) for text in texts]


def save(folder: Path, template: str = TEMPLATE, head: str = "ForSequenceClassification") -> Path:
    tiny_model("llama", head).save_pretrained(folder)
    byte_tokenizer(template=template).save_pretrained(folder)
    return folder


@pytest.mark.parametrize(
    ("written", "printed"),
    [
        ("{{ strftime_now('%d %b %Y') }}", "26 Jul 2024"),
        ("{% if strftime_now is defined %}{{ strftime_now('%Y-%m-%d') }}{% endif %}", "2024-07-26"),
        ("{% macro day() %}{{ strftime_now('%-d %B') }}{% endmacro %}{{ day() }}", "26 July"),
        ("{{ date_string }}", "26 Jul 2024"),
    ],
)
def test_a_template_that_prints_the_day_prints_a_fixed_one(
    tmp_path: Path, written: str, printed: str
) -> None:
    model = open_model(str(save(tmp_path, "\n  " + written + TEMPLATE)), None, CPU)
    assert isinstance(model, HfReward)
    string = model.network.renderer.render(candidates("雨")[0])
    tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path)
    tokenizer.chat_template = "\n  " + printed + TEMPLATE
    chat: Any = [{"role": "user", "content": PROMPT}, {"role": "assistant", "content": "雨"}]
    assert string.strip() == tokenizer.apply_chat_template(chat, tokenize=False).strip()


def test_a_template_that_breaks_on_types_is_named(tmp_path: Path) -> None:
    model = open_model(str(save(tmp_path, "{{ 'a' + none }}")), None, CPU)
    with pytest.raises(ModelError, match="chat template refuses"):
        model.encode(candidates("雨"))


@pytest.mark.parametrize("text", ["e", "end", "|", "rain\n", " two \n"])
@pytest.mark.parametrize("trim", [False, True])
def test_a_response_is_found_before_the_template_goes_on(
    tmp_path: Path, text: str, trim: bool
) -> None:
    # "e" and "end" stand in <|end|> too, and "rain\n" stands in the prompt
    template = TEMPLATE.replace("m['content']", "m['content'] | trim") if trim else TEMPLATE
    model = open_model(f"likelihood:{save(tmp_path, template, 'ForCausalLM')}", None, CPU)
    item = model.encode(candidates(text))[0]
    tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path)
    response = tokenizer.decode(item.ids[0][item.starts[0] :].tolist())
    assert response == (text.strip() if trim else text) + "<|end|>"


@pytest.mark.parametrize("name", ["su", "yarn", "longrope"])
def test_a_list_of_long_factors_is_a_rope_that_depends_on_length(name: str) -> None:
    rope = {"type": name, "short_factor": [1.0], "long_factor": [4.0]}
    config = {"model_type": "phi3", "rope_scaling": rope}
    assert engine_kind(config, ["packed", "sdpa"]) == "single"


def test_a_text_without_a_token_is_refused(tmp_path: Path) -> None:
    recipe = tmp_path / "bare.yaml"
    recipe.write_text(
        "kind: reward\nname: bare\ninput: {format: text, template: '{{ text | trim }}', bos: none}"
    )
    settings = ModelSettings(device="cpu", judge=str(recipe))
    model = open_model(str(save(tmp_path / "model")), None, settings)
    with pytest.raises(ModelError, match="no token at all"):
        model.encode(candidates("雨", " "))


@pytest.mark.parametrize("zipped", [True, False])
def test_pickled_weights_of_any_age_are_read(tmp_path: Path, zipped: bool) -> None:
    save(tmp_path)
    reference = tiny_model("llama")
    (tmp_path / "model.safetensors").unlink()
    torch.save(
        reference.state_dict(),
        tmp_path / "pytorch_model.bin",
        _use_new_zipfile_serialization=zipped,
    )
    model = open_model(str(tmp_path), None, CPU)
    tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path)
    score = model.score(model.encode(candidates("雨")))[0]
    assert score == pytest.approx(plain_score(reference, tokenizer, PROMPT, "雨"), rel=1e-5)


def test_a_damaged_pickle_is_named(tmp_path: Path) -> None:
    save(tmp_path)
    (tmp_path / "model.safetensors").unlink()
    (tmp_path / "pytorch_model.bin").write_bytes(b"not weights")
    model = open_model(str(tmp_path), None, CPU)
    with pytest.raises(ModelError, match=r"pytorch_model\.bin: damaged"):
        model.score(model.encode(candidates("雨")))


def test_the_token_a_score_is_read_at_survives_a_cut(tmp_path: Path) -> None:
    recipe = tmp_path / "append.yaml"
    recipe.write_text(
        "kind: reward\nname: append\n"
        "input: {format: text, template: '{{ text }}', bos: none, append: <|end|>}"
    )
    settings = ModelSettings(device="cpu", judge=str(recipe), max_length=4, truncate="right")
    model = open_model(str(save(tmp_path / "model")), None, settings)
    item = model.encode(candidates("abcdefgh"))[0]
    tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path / "model")
    assert tokenizer.decode(item.ids[0].tolist()) == "abc<|end|>"
    assert item.truncated
