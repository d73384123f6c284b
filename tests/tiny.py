"""Tiny checkpoints with real architectures, a real tokenizer and a chat template, for tests."""

from __future__ import annotations

from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="needs the hf extra")
transformers = pytest.importorskip("transformers", reason="needs the hf extra")

TEMPLATE = (
    "{{ bos_token }}{% for m in messages %}<|{{ m['role'] }}|>\n{{ m['content'] }}<|end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>\n{% endif %}"
)
SPECIAL = ["<|pad|>", "<|bos|>", "<|end|>", "<|system|>", "<|user|>", "<|assistant|>"]
SHAPE: dict[str, Any] = {
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 1024,
    # wide enough that attention matters: a model of tiny weights hides every mistake
    "initializer_range": 0.3,
}
FAMILIES: dict[str, dict[str, Any]] = {
    "qwen2": {},
    "qwen2_windowed": {"use_sliding_window": True, "sliding_window": 24, "max_window_layers": 0},
    "qwen3": {"head_dim": 16},
    "llama": {},
    "mistral": {"sliding_window": 24, "head_dim": 16},
    "gemma2": {
        "head_dim": 16,
        "sliding_window": 24,
        "query_pre_attn_scalar": 16,
        "attn_logit_softcapping": 2.0,
        "final_logit_softcapping": 2.0,
    },
}
CLASSES = {
    "qwen2": "Qwen2",
    "qwen3": "Qwen3",
    "llama": "Llama",
    "mistral": "Mistral",
    "gemma2": "Gemma2",
}


def byte_tokenizer(
    *, bos: bool = True, template: str | None = TEMPLATE, post_bos: bool = False
) -> Any:
    """A byte-level BPE tokenizer trained on a few lines, with a chat template."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers

    raw = Tokenizer(models.BPE())
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    raw.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400, special_tokens=SPECIAL, initial_alphabet=pre_tokenizers.ByteLevel.alphabet()
    )
    raw.train_from_iterator(
        ["the rain kept its appointment", "雨下得像旧信，一封一封。"] * 4, trainer
    )
    if post_bos:
        raw.post_processor = processors.TemplateProcessing(
            single="<|bos|> $A", special_tokens=[("<|bos|>", raw.token_to_id("<|bos|>"))]
        )
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=raw,
        pad_token="<|pad|>",
        eos_token="<|end|>",
        bos_token="<|bos|>" if bos else None,
        additional_special_tokens=["<|system|>", "<|user|>", "<|assistant|>"],
    )
    if template is not None:
        tokenizer.chat_template = template if bos else template.replace("{{ bos_token }}", "")
    return tokenizer


def tiny_config(family: str, **changes: Any) -> Any:
    """A configuration of one family, small."""
    name = CLASSES[family.partition("_")[0]]
    settings = {
        **SHAPE,
        **FAMILIES[family],
        "vocab_size": 400,
        "pad_token_id": 0,
        "num_labels": 1,
        **changes,
    }
    return getattr(transformers, f"{name}Config")(**settings)


def tiny_model(family: str, head: str = "ForSequenceClassification", **changes: Any) -> Any:
    """A randomly initialised model of one family, reproducible."""
    torch.manual_seed(7)
    config = tiny_config(family, **changes)
    kind = getattr(transformers, CLASSES[family.partition("_")[0]] + head)
    attention = "eager" if family.startswith("gemma2") else "sdpa"
    return kind._from_config(config, attn_implementation=attention).eval()


def plain_score(model: Any, tokenizer: Any, prompt: str, text: str) -> float:
    """What plain transformers says of one text alone: the reference for everything."""
    chat = [{"role": "user", "content": prompt}, {"role": "assistant", "content": text}]
    ids = tokenizer.apply_chat_template(chat, tokenize=True, return_tensors="pt", return_dict=True)
    with torch.no_grad():
        return float(model(input_ids=ids["input_ids"]).logits[0, 0])
