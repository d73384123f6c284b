"""Likelihood rewards against plain transformers log-probabilities."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from tiny import TEMPLATE, byte_tokenizer, tiny_model

from harness.errors import ModelError, UsageError
from harness.models import ModelSettings, lm_head, open_model
from harness.records import Candidate, short_id

PROMPT = "写一段雨"
TEXTS = ["雨", "the rain kept its appointment. " * 6, " 雨下得像旧信，一封一封。\n", "rain " * 30]
CPU = ModelSettings(device="cpu")


def candidates() -> list[Candidate]:
    return [Candidate(short_id("zh", PROMPT, text), "zh", PROMPT, text) for text in TEXTS]


def plain(folder: Path, text: str, template_end: str = "\n") -> tuple[float, int]:
    """Sum of log p over the response and its <|end|>, and how many tokens that is."""
    eager = "eager" if "gemma2" in folder.name else None
    model = transformers.AutoModelForCausalLM.from_pretrained(
        folder, attn_implementation=eager, dtype=torch.float32
    ).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    head = f"<|bos|><|user|>\n{PROMPT}<|end|>\n<|assistant|>\n"
    start = len(tokenizer(head, add_special_tokens=False)["input_ids"])
    ids = tokenizer(head + text + "<|end|>", add_special_tokens=False)["input_ids"]
    with torch.no_grad():
        logits = model(torch.tensor([ids])).logits[0].double()
    logp = logits.log_softmax(-1)
    picked = [float(logp[i - 1, ids[i]]) for i in range(start, len(ids))]
    return sum(picked), len(picked)


def scores(model: Any) -> dict[str, float]:
    encoded = model.encode(candidates())
    return {e.candidate.text: s for e, s in zip(encoded, model.score(encoded), strict=True)}


@pytest.mark.parametrize("family", ["qwen2", "llama", "mistral", "gemma2", "qwen3"])
def test_the_sum_is_plain_transformers(checkpoint: Callable[..., Path], family: str) -> None:
    folder = checkpoint(family, "ForCausalLM")
    got = scores(open_model(f"likelihood:{folder},norm=sum", None, CPU))
    for text in ("雨", TEXTS[1].strip(), TEXTS[3].strip()):
        mine = got.get(text) or got[next(t for t in TEXTS if t.strip() == text)]
        # trailing white space belongs to the text, so compare the text as it stands
        full = next(t for t in TEXTS if t.strip() == text)
        assert mine == pytest.approx(plain(folder, full)[0], rel=1e-5)


def test_norms_divide_by_tokens_or_characters(checkpoint: Callable[..., Path]) -> None:
    folder = checkpoint("qwen2", "ForCausalLM")
    total = scores(open_model(f"likelihood:{folder},norm=sum", None, CPU))
    token = scores(open_model(f"likelihood:{folder}", None, CPU))
    char = scores(open_model(f"likelihood:{folder},norm=char", None, CPU))
    text = TEXTS[3]
    assert token[text] == pytest.approx(total[text] / plain(folder, text)[1], rel=1e-6)
    assert char[text] == pytest.approx(total[text] / len(text), rel=1e-6)


def test_a_reference_model_is_subtracted(checkpoint: Callable[..., Path]) -> None:
    policy = checkpoint("qwen2", "ForCausalLM")
    reference = checkpoint("llama", "ForCausalLM")
    ratio = scores(open_model(f"likelihood:{policy},ref={reference}", None, CPU))
    text = TEXTS[1]
    assert ratio[text] == pytest.approx(
        plain(policy, text)[0] - plain(reference, text)[0], rel=1e-4
    )


def test_small_chunks_of_the_softmax_change_nothing(
    checkpoint: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = checkpoint("qwen2", "ForCausalLM")
    whole = scores(open_model(f"likelihood:{folder},norm=sum", None, CPU))
    monkeypatch.setattr(lm_head, "_CELLS", 800)  # two rows at a time
    for text, score in scores(open_model(f"likelihood:{folder},norm=sum", None, CPU)).items():
        assert score == pytest.approx(whole[text], rel=1e-6)


def test_a_text_without_end_token_in_its_template_gets_one(tmp_path: Path) -> None:
    tiny_model("qwen2", "ForCausalLM").save_pretrained(tmp_path)
    byte_tokenizer(template=TEMPLATE.replace("<|end|>", "")).save_pretrained(tmp_path)
    model = open_model(f"likelihood:{tmp_path}", None, CPU)
    assert model.encode(candidates())[0].ids[0][-1] == 2


def test_what_the_template_writes_after_the_end_token_is_left_out(
    checkpoint: Callable[..., Path],
) -> None:
    model = open_model(f"likelihood:{checkpoint('qwen2', 'ForCausalLM')}", None, CPU)
    for item in model.encode(candidates()):
        assert item.ids[0][-1] == 2  # <|end|>, not the line break behind it


def test_a_model_that_scales_its_logits_otherwise_is_refused(
    checkpoint: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    forward = transformers.Qwen2ForCausalLM.forward

    def scaled(self: Any, *args: Any, **kwargs: Any) -> Any:
        out = forward(self, *args, **kwargs)
        out.logits = out.logits * 0.25
        return out

    monkeypatch.setattr(transformers.Qwen2ForCausalLM, "forward", scaled)
    model = open_model(f"likelihood:{checkpoint('qwen2', 'ForCausalLM')}", None, CPU)
    with pytest.raises(ModelError, match="changes its logits"):
        model.score(model.encode(candidates()))


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("{},norm=word", "norm=word"),
        ("{},ref={},norm=token", "sum of log-ratios"),
        ("{},nrom=sum", "did you mean 'norm'"),
    ],
)
def test_wrong_options_are_named(checkpoint: Callable[..., Path], what: str, message: str) -> None:
    folder = checkpoint("qwen2", "ForCausalLM")
    with pytest.raises(UsageError, match=message):
        open_model("likelihood:" + what.replace("{}", str(folder)), None, CPU)


def test_a_classifier_gives_no_likelihoods(checkpoint: Callable[..., Path]) -> None:
    with pytest.raises(ModelError, match="ForCausalLM"):
        open_model(f"likelihood:{checkpoint('qwen2')}", None, CPU)
