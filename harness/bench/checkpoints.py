"""Checkpoints to measure with: random weights of a real shape, and a tokenizer of the texts."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from harness.bench.inputs import Shape
from harness.records import Pair

END = "<|end|>"
_SPECIAL = ("<|user|>", "<|assistant|>", "<|system|>")
# No white space at a border: a prefix of the text is a prefix of its tokens for every tokenizer
_TEMPLATE = (
    "{% for message in messages %}<|{{ message['role'] }}|>{{ message['content'] }}<|end|>"
    "{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
_LARGEST = 32_000  # tokens that the tokenizer learns, however large the vocabulary of the model
_TRAINED_ON = 1 << 20  # characters


def save_classifier(
    folder: Path, shape: Shape, pairs: Sequence[Pair], *, device: str, dtype: str
) -> None:
    """A randomly initialised Qwen2ForSequenceClassification with one output, saved."""
    made = "Qwen2ForSequenceClassification"
    _save(folder, shape, pairs, made, device, dtype, None, num_labels=1)


def save_causal(
    folder: Path,
    shape: Shape,
    pairs: Sequence[Pair],
    *,
    device: str,
    dtype: str,
    learned: int | None = None,
) -> None:
    """A randomly initialised Qwen2ForCausalLM, embeddings tied as in small models, saved.

    `learned` is how many tokens its tokenizer learns, the model's vocabulary where it is None.
    """
    made = "Qwen2ForCausalLM"
    _save(folder, shape, pairs, made, device, dtype, learned, tie_word_embeddings=True)


def _save(
    folder: Path,
    shape: Shape,
    pairs: Sequence[Pair],
    name: str,
    device: str,
    dtype: str,
    learned: int | None,
    **changes: Any,
) -> None:
    import torch
    import transformers

    config = transformers.Qwen2Config(
        vocab_size=shape.vocabulary,
        hidden_size=shape.hidden,
        intermediate_size=shape.inner,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        num_key_value_heads=shape.kv_heads,
        max_position_embeddings=32_768,
        pad_token_id=0,
        **changes,
    )
    torch.manual_seed(0)
    before = torch.get_default_dtype()
    torch.set_default_dtype(getattr(torch, dtype))
    try:
        with torch.device(device):
            model = getattr(transformers, name)._from_config(config, attn_implementation="sdpa")
    finally:
        torch.set_default_dtype(before)
    transformers.utils.logging.disable_progress_bar()
    model.save_pretrained(folder)
    _add(folder / "config.json", rope_theta=10_000.0, torch_dtype=dtype)
    _save_tokenizer(folder, _texts(pairs), min(learned or shape.vocabulary, _LARGEST))


def _texts(pairs: Sequence[Pair]) -> Iterator[str]:
    chars = 0
    for pair in pairs:
        for text in (pair.prompt, pair.chosen.response, pair.rejected.response):
            yield text
            chars += len(text)
        if chars > _TRAINED_ON:
            return


def _save_tokenizer(folder: Path, texts: Iterable[str], vocabulary: int) -> None:
    """Byte-level BPE; words of Chinese are at most two characters, so that it learns in a second.

    On published texts that gives about 0.6 tokens a character, as real tokenizers do.
    """
    import transformers
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

    raw = Tokenizer(models.BPE())
    raw.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(r"\p{Han}{1,2}"), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
        ]
    )
    raw.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=["<|pad|>", END, *_SPECIAL],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    raw.train_from_iterator(texts, trainer)
    transformers.PreTrainedTokenizerFast(
        tokenizer_object=raw,
        pad_token="<|pad|>",
        eos_token=END,
        model_input_names=["input_ids", "attention_mask"],
    ).save_pretrained(folder)
    # transformers 5 gives a Qwen2 its own rules of splitting, whatever stands in the file; older
    # ones follow the file, and know another class and another place for the template
    made = transformers.AutoTokenizer.from_pretrained(folder)
    made.backend_tokenizer.save(str(folder / "tokenizer.json"))
    _add(
        folder / "tokenizer_config.json",
        tokenizer_class="PreTrainedTokenizerFast",
        chat_template=_TEMPLATE,
        additional_special_tokens=list(_SPECIAL),
    )


def _add(file: Path, **changes: Any) -> None:
    known = json.loads(file.read_text(encoding="utf-8"))
    file.write_text(json.dumps(known | changes, ensure_ascii=False), encoding="utf-8")
